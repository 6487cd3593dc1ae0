"""Model versions in the control plane: their statuses, their cost, and waiting for a status."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workflow import timestamps
from workflow.errors import PartcheckError
from workflow.plurals import pluralize

USD_PER_UNIT_HOUR = 4.0
MAX_RUNNING_MODELS = 2
OWN_MODEL_FILES = "*/version/*/*.npz"  # Pattern of the keys in the training bucket: project, name, time.
MIN_POLL_SECONDS = 0.5
MAX_POLL_SECONDS = 30.0


class ModelKind(StrEnum):
    """What answers for a model: Rekognition Custom Labels, or a file of our own that the function loads."""

    CUSTOM_LABELS = "custom-labels"
    OWN = "own"


class ModelStatus(StrEnum):
    """The status of a model version as DescribeProjectVersions reports it."""

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


STARTABLE_STATUSES = frozenset(
    {ModelStatus.TRAINING_COMPLETED, ModelStatus.STOPPED, ModelStatus.COPYING_COMPLETED, ModelStatus.FAILED}
)
ACTIVE_STATUSES = frozenset({ModelStatus.STARTING, ModelStatus.RUNNING})
FAILED_STATUSES = frozenset(
    {ModelStatus.FAILED, ModelStatus.TRAINING_FAILED, ModelStatus.COPYING_FAILED, ModelStatus.EXPIRED}
)

TRANSITIONAL_STATUSES = frozenset(
    {
        ModelStatus.TRAINING_IN_PROGRESS,
        ModelStatus.STARTING,
        ModelStatus.STOPPING,
        ModelStatus.COPYING_IN_PROGRESS,
        ModelStatus.DELETING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One model version as described by the control plane.

    `summary_uri` is the S3 URI of its evaluation summary, `training_uri` that of the manifest of the photos
    that it learned from; empty if there is none. `units` are the inference units of its last start,
    `training_seconds` the billed duration of its training.
    """

    arn: str
    status: ModelStatus
    message: str = ""
    created_at: str = ""
    units: int = 0
    training_seconds: int = 0
    summary_uri: str = ""
    training_uri: str = ""

    @property
    def kind(self) -> ModelKind:
        return kind_of(self.arn)

    @property
    def needs_capacity(self) -> bool:
        """Return True if the model must be started, and costs money while it runs."""
        return self.kind is ModelKind.CUSTOM_LABELS

    @property
    def project(self) -> str:
        return project_name(self.arn)

    @property
    def name(self) -> str:
        return version_name(self.arn)


class RequestResult(StrEnum):
    """The control plane's answer to a request to start or stop a model."""

    ACCEPTED = "accepted"
    IN_USE = "the model's status does not allow it"
    LIMIT = "too many models are running"
    BUSY = "the control plane is busy"
    GONE = "the model does not exist"


class ModelControlPlane(Protocol):
    """The control plane of models. All calls together stay within its limit of five a second."""

    def describe(self, arn: str) -> ModelVersion | None:
        """Return one model, or None if it does not exist."""

    def list_projects(self) -> list[str]:
        """Return the names of all projects of the account."""

    def list_versions(self, project: str) -> list[ModelVersion]:
        """List every model of a project, newest first; empty if there is no such project."""

    def start(self, arn: str, units: int = 1) -> RequestResult:
        """Request a start."""

    def stop(self, arn: str) -> RequestResult:
        """Request a stop."""


def kind_of(arn: str) -> ModelKind:
    """Return the kind of the model with this ARN: that of an own model is the ARN of its file in S3."""
    return ModelKind.OWN if arn.split(":")[2:3] == ["s3"] else ModelKind.CUSTOM_LABELS


def project_name(arn: str) -> str:
    """Return the project's name from a model's ARN; empty if the text is no such ARN."""
    parts = arn.split("/")
    return parts[1] if arn.startswith("arn:") and len(parts) >= 4 else ""


def version_name(arn: str) -> str:
    """Return the version's name from a model's ARN; the text itself if it is no such ARN."""
    parts = arn.split("/")
    return parts[3] if arn.startswith("arn:") and len(parts) >= 4 else arn


def compute_cost(seconds: float, units: int) -> float:
    """Return the cost in US$ of `seconds` on `units` inference units."""
    return seconds / 3600 * units * USD_PER_UNIT_HOUR


def describe_status(version: ModelVersion, running_since: str, now: str) -> str:
    """Return `running 3 h 12 min on 1 unit, US$12.80 at AWS prices`, or the status and its message."""
    if not version.needs_capacity:
        return "ready, needs no start and costs nothing while idle"
    if version.status is not ModelStatus.RUNNING:
        words = version.status.value.lower().replace("_", " ")
        has_message = version.status in FAILED_STATUSES and version.message
        return f"{words}: {version.message}" if has_message else words
    units = max(version.units, 1)
    on_units = f"on {pluralize(units, 'unit')}"
    if not running_since:
        return f"running {on_units}, start time not recorded"
    seconds = max(0.0, timestamps.seconds_between(running_since, now))
    cost = f"US${compute_cost(seconds, units):.2f} at AWS prices"
    return f"running {_format_duration(seconds)} {on_units}, {cost}"


def _format_duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


@dataclass(frozen=True, slots=True)
class MonotonicClock:
    """A clock for waiting: seconds that never decrease, and a function that sleeps."""

    seconds: Callable[[], float]
    sleep: Callable[[float], None]


def wait_for_status(
    control_plane: ModelControlPlane,
    arn: str,
    target: ModelStatus,
    clock: MonotonicClock,
    timeout: float,
    on_poll: Callable[[ModelVersion, float], None] = lambda _version, _seconds: None,
) -> ModelVersion:
    """Poll a model for at most `timeout` seconds until it has the target status; return it.

    The pauses grow from half a second to half a minute, so that a day of waiting makes a few thousand calls.
    Raise PartcheckError if the model reaches another lasting status, disappears, or the timeout expires.
    """
    begun = clock.seconds()
    while True:
        version, elapsed = control_plane.describe(arn), clock.seconds() - begun
        if version is None:
            raise PartcheckError(f"Model {version_name(arn)} does not exist")
        on_poll(version, elapsed)
        if version.status is target:
            return version
        if version.status not in TRANSITIONAL_STATUSES:
            reason = version.message or "no reason given"
            raise PartcheckError(f"Model {version.name} is {version.status}, not {target}: {reason}")
        if elapsed > timeout:
            raise PartcheckError(
                f"Model {version.name} is still {version.status} after {_format_duration(elapsed)}"
            )
        clock.sleep(min(MAX_POLL_SECONDS, max(MIN_POLL_SECONDS, elapsed / 20)))
