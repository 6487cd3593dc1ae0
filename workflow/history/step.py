"""One step of an execution: a visit to a state, with every attempt at its work."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class StepStatus(StrEnum):
    """The status of a step or of one attempt. After a caught error the execution continues."""

    RUNNING = "running"
    WAITING = "waiting for an answer"
    SUCCEEDED = "succeeded"
    CAUGHT = "error caught"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    ABORTED = "aborted"


MODEL_WAIT = "Wait for the model"
_AWAITED = {MODEL_WAIT: "the model", "Ask a reviewer": "a reviewer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAttempt:
    """One attempt at a step; `redrive` is the number of redrives of the execution before it.

    At the `deadline` the attempt times out.
    """

    number: int
    scheduled_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: StepStatus = StepStatus.RUNNING
    resource: str = ""
    input: Any = None
    output: Any = None
    error: str = ""
    cause: str = ""
    redrive: int = 0
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStep:
    """One visit to a state. `id` is the event that entered it, `parent_id` the step whose branch contains it.

    `branch` names the enclosing branches, outermost first, such as `("Check sides[1]",)`. Input and output
    are JSON values, in which each task token is replaced by `[task token]`.
    """

    id: int
    name: str
    type: str
    entered_at: datetime
    exited_at: datetime | None = None
    status: StepStatus = StepStatus.RUNNING
    attempts: tuple[StepAttempt, ...] = ()
    input: Any = None
    output: Any = None
    error: str = ""
    cause: str = ""
    parent_id: int | None = None
    branch: tuple[str, ...] = ()

    @property
    def status_text(self) -> str:
        """The status in words; of a wait also since when it lasts, and until when at most."""
        if self.status is not StepStatus.WAITING:
            return self.status.value
        deadline = self.attempts[-1].deadline
        until = f", until {deadline:%Y-%m-%d %H:%M} UTC at most" if deadline else ""
        awaited = _AWAITED.get(self.name, "an answer")
        return f"waiting for {awaited} since {self.entered_at:%Y-%m-%d %H:%M} UTC{until}"

    @property
    def depth(self) -> int:
        """The number of enclosing Map and Parallel states."""
        return len(self.branch)

    @property
    def seconds(self) -> float | None:
        """The duration in seconds, or None while the step is open."""
        return (self.exited_at - self.entered_at).total_seconds() if self.exited_at else None
