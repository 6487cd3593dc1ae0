"""One step of an execution: a visit to a state, with every attempt at its work."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a step or one attempt at it stands. A caught error let the execution go on."""

    RUNNING = "running"
    WAITING = "waiting for an answer"
    SUCCEEDED = "succeeded"
    CAUGHT = "error caught"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a step; `redrive` counts how often the execution had been redriven before it."""

    number: int
    scheduled_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: Status = Status.RUNNING
    resource: str = ""
    input: Any = None
    output: Any = None
    error: str = ""
    cause: str = ""
    redrive: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One visit to a state. `id` is the event that entered it, `within` the step whose branch it is in.

    `branch` names the branches around it, outermost first, such as `("Check sides[1]",)`. Input and output
    are JSON values; whatever was a task token is shown as `[task token]`.
    """

    id: int
    name: str
    type: str
    entered_at: datetime
    exited_at: datetime | None = None
    status: Status = Status.RUNNING
    attempts: tuple[Attempt, ...] = ()
    input: Any = None
    output: Any = None
    error: str = ""
    cause: str = ""
    within: int | None = None
    branch: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """How many Map and Parallel states are around it."""
        return len(self.branch)

    @property
    def seconds(self) -> float | None:
        """How long it took, or None as long as it lasts."""
        return (self.exited_at - self.entered_at).total_seconds() if self.exited_at else None
