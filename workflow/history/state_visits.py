"""Visits to states while their events are being read, and the sequences of states they belong to."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from workflow.history.step import ExecutionStep, StepAttempt, StepStatus


@dataclass(slots=True)
class StateScope:
    """A sequence of states: the state machine itself, a Parallel's branch, or a Map's iteration."""

    parent: "StateVisit | None" = None
    label: str = ""
    last_visit: "StateVisit | None" = None

    def close(self, status: StepStatus, at: datetime) -> None:
        """Close the last visit if it is open; no earlier visit can be open."""
        if self.last_visit is not None and self.last_visit.is_open:
            self.last_visit.close_branches(at)
            self.last_visit.close(StepStatus.FAILED if self.last_visit.type == "Fail" else status, at)

    def find_error(self) -> tuple[str, str]:
        """Return error and cause of the state in which this sequence failed; empty if it did not fail."""
        visit = self.last_visit
        if visit is None or visit.status in (StepStatus.SUCCEEDED, StepStatus.CAUGHT):
            return "", ""
        source = visit.last_attempt or visit
        has_error = source.error or source.cause
        return (source.error, source.cause) if has_error else visit.find_branch_error()


@dataclass(slots=True, kw_only=True)
class StateVisit:
    """A visit to a state, built up while its events are read."""

    id: int
    name: str
    type: str
    entered_at: datetime
    scope: StateScope
    input: Any
    attempts: list[StepAttempt] = field(default_factory=list)
    branches: dict[str, StateScope] = field(default_factory=dict)
    exited_at: datetime | None = None
    status: StepStatus = StepStatus.RUNNING
    output: Any = None
    error: str = ""
    cause: str = ""

    @property
    def is_open(self) -> bool:
        return self.exited_at is None

    def enclosing(self) -> "Iterator[StateVisit]":
        """Yield this visit and the visits whose branches contain it, innermost first."""
        visit: StateVisit | None = self
        while visit is not None:
            yield visit
            visit = visit.scope.parent

    @property
    def last_attempt(self) -> StepAttempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    def start_attempt(self, at: datetime, resource: str, payload: Any, redrive: int) -> None:
        """Begin the next attempt. After a redrive this reopens a visit that ended with the execution."""
        if self.last_attempt and self.last_attempt.ended_at is None:
            self.end_attempt(StepStatus.FAILED, at)
        number = len(self.attempts) + 1
        self.attempts.append(
            StepAttempt(number=number, scheduled_at=at, resource=resource, input=payload, redrive=redrive)
        )
        self.exited_at, self.status, self.error, self.cause = None, StepStatus.RUNNING, "", ""

    def update_attempt(self, at: datetime, **changes: Any) -> None:
        """Change the latest attempt; begin one if a failure came before anything was scheduled."""
        if not self.attempts:
            self.start_attempt(at, "", self.input, 0)
        self.attempts[-1] = replace(self.attempts[-1], **changes)

    def end_attempt(self, status: StepStatus, at: datetime, error: str = "", cause: str = "") -> None:
        """End the latest attempt; keep its error and cause if none are passed."""
        changes = {"error": error} if error else {}
        changes |= {"cause": cause} if cause else {}
        self.update_attempt(at, status=status, ended_at=at, **changes)

    def add_branch(self, label: str) -> StateScope:
        """Add a branch to this Map or Parallel, and return it."""
        self.branches[label] = StateScope(self, label)
        return self.branches[label]

    def close_branches(self, at: datetime) -> None:
        for branch in self.branches.values():
            branch.close(StepStatus.ABORTED, at)

    def find_branch_error(self) -> tuple[str, str]:
        """Return the first error and cause inside a Map or Parallel, which made it fail."""
        errors = (branch.find_error() for branch in self.branches.values())
        return next((error for error in errors if any(error)), (self.error, self.cause))

    def close(self, status: StepStatus, at: datetime, error: str = "", cause: str = "") -> None:
        """Close the visit; if its last attempt failed already, the visit ends with that failure."""
        if not self.is_open:
            return
        last = self.last_attempt
        if last and last.ended_at is None:
            self.end_attempt(status, at, error, cause)
            last = self.last_attempt
        elif (
            last
            and last.status in (StepStatus.FAILED, StepStatus.TIMED_OUT)
            and status is not StepStatus.SUCCEEDED
        ):
            status = status if status is StepStatus.CAUGHT else last.status
        self.status, self.exited_at = status, at
        self.error = error or (last.error if last and status is not StepStatus.SUCCEEDED else "")
        self.cause = cause or (last.cause if last and status is not StepStatus.SUCCEEDED else "")

    def to_step(self) -> ExecutionStep:
        """Return the visit as a step."""
        waiting = self.is_open and self.last_attempt and self.last_attempt.status is StepStatus.WAITING
        branch = tuple(visit.scope.label for visit in self.enclosing() if visit.scope.parent)[::-1]
        return ExecutionStep(
            id=self.id,
            name=self.name,
            type=self.type,
            entered_at=self.entered_at,
            exited_at=self.exited_at,
            status=StepStatus.WAITING if waiting else self.status,
            attempts=tuple(self.attempts),
            input=self.input,
            output=self.output,
            error=self.error,
            cause=self.cause,
            parent_id=self.scope.parent.id if self.scope.parent else None,
            branch=branch,
        )
