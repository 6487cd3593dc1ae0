"""Models as the control plane knows them: their statuses, their cost, waiting for them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workflow import timestamps
from workflow.errors import PartcheckError

USD_PER_UNIT_HOUR = 4.0
MOST_RUNNING = 2
SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Status(StrEnum):
    """As DescribeProjectVersions reports it."""

    TRAINING_IN_PROGRESS = "TRAINING_IN_PROGRESS"
    TRAINING_COMPLETED = "TRAINING_COMPLETED"
    TRAINING_FAILED = "TRAINING_FAILED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DELETING = "DELETING"
    COPYING_IN_PROGRESS = "COPYING_IN_PROGRESS"
    COPYING_COMPLETED = "COPYING_COMPLETED"
    COPYING_FAILED = "COPYING_FAILED"
    DEPRECATED = "DEPRECATED"
    EXPIRED = "EXPIRED"


STARTABLE = frozenset({Status.TRAINING_COMPLETED, Status.STOPPED, Status.COPYING_COMPLETED, Status.FAILED})
UP = frozenset({Status.STARTING, Status.RUNNING})
BROKEN = frozenset({Status.FAILED, Status.TRAINING_FAILED, Status.COPYING_FAILED, Status.EXPIRED})
IN_BETWEEN = frozenset(
    {
        Status.TRAINING_IN_PROGRESS,
        Status.STARTING,
        Status.STOPPING,
        Status.COPYING_IN_PROGRESS,
        Status.DELETING,
    }
)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One model as described; `summary` is the S3 URI of its evaluation summary, empty without one.

    `units` are the inference units it was last started with, `training_seconds` what its training is billed.
    """

    arn: str
    status: Status
    message: str = ""
    created_at: str = ""
    units: int = 0
    training_seconds: int = 0
    summary: str = ""

    @property
    def project(self) -> str:
        return project_of(self.arn)

    @property
    def name(self) -> str:
        return name_of(self.arn)


class Asked(StrEnum):
    """What the control plane made of a request to start or stop a model."""

    ACCEPTED = "accepted"
    IN_USE = "the model is in no state for it"
    LIMIT = "too many models run already"
    BUSY = "the control plane is busy"
    GONE = "the model does not exist"


class Models(Protocol):
    """The control plane. All calls together stay within its five a second."""

    def describe(self, arn: str) -> ModelVersion | None:
        """One model, or None when it does not exist."""

    def of_project(self, project: str) -> list[ModelVersion]:
        """Every model of a project, newest first; none if there is no such project."""

    def start(self, arn: str, units: int = 1) -> Asked:
        """Ask for a start."""

    def stop(self, arn: str) -> Asked:
        """Ask for a stop."""


def project_of(arn: str) -> str:
    """The project's name in a model's ARN; empty when it is none."""
    parts = arn.split("/")
    return parts[1] if arn.startswith("arn:") and len(parts) >= 4 else ""


def name_of(arn: str) -> str:
    """The version's name in a model's ARN; the text itself when it is none."""
    parts = arn.split("/")
    return parts[3] if arn.startswith("arn:") and len(parts) >= 4 else arn


def cost(seconds: float, units: int) -> float:
    """US$ for so many seconds on so many inference units."""
    return seconds / 3600 * units * USD_PER_UNIT_HOUR


def in_words(version: ModelVersion, running_since: str, now: str) -> str:
    """`running 3 h 12 min on 1 unit, about $12.80`, or the status in words with its message."""
    if version.status is not Status.RUNNING:
        words = version.status.value.lower().replace("_", " ")
        return f"{words}: {version.message}" if version.status in BROKEN and version.message else words
    units = max(version.units, 1)
    on = f"on {units} unit{'' if units == 1 else 's'}"
    if not running_since:
        return f"running {on}, since when is not recorded"
    seconds = max(0.0, timestamps.seconds_between(running_since, now))
    return f"running {_span(seconds)} {on}, about ${cost(seconds, units):.2f}"


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


@dataclass(frozen=True, slots=True)
class Clock:
    """Time for those who wait: seconds that only grow, and a way to let some pass."""

    seconds: Callable[[], float]
    sleep: Callable[[float], None]


def wait_until(
    models: Models,
    arn: str,
    wanted: Status,
    clock: Clock,
    patience: float,
    tell: Callable[[ModelVersion, float], None] = lambda _version, _seconds: None,
) -> ModelVersion:
    """Look now and then, for at most `patience` seconds, until the model has the wanted status.

    The pauses grow from half a second to half a minute, so that a day's waiting is a few thousand calls.
    Raises PartcheckError when the model ends otherwise, disappears, or the patience does.
    """
    begun = clock.seconds()
    while True:
        version, passed = models.describe(arn), clock.seconds() - begun
        if version is None:
            raise PartcheckError(f"Model {name_of(arn)} does not exist")
        tell(version, passed)
        if version.status is wanted:
            return version
        if version.status not in IN_BETWEEN:
            why = version.message or "no reason given"
            raise PartcheckError(f"Model {version.name} is {version.status}, not {wanted}: {why}")
        if passed > patience:
            raise PartcheckError(f"Model {version.name} is still {version.status} after {_span(passed)}")
        clock.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, passed / 20)))
