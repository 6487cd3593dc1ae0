"""Visits to states while their events are being read, and the runs of states they follow each other in."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from workflow.history.step import Attempt, Status, Step


@dataclass(slots=True)
class Scope:
    """A run of states one after the other: the machine itself, a Parallel's branch, a Map's iteration."""

    around: "Visit | None" = None
    label: str = ""
    last: "Visit | None" = None

    def close(self, status: Status, at: datetime) -> None:
        """End what is still open; only the last state of a run can be."""
        if self.last is not None and self.last.open:
            self.last.close_branches(at)
            self.last.close(Status.FAILED if self.last.type == "Fail" else status, at)

    def fault(self) -> tuple[str, str]:
        """Error and cause of the state that this run failed in, if it did."""
        last = self.last
        if last is None or last.status in (Status.SUCCEEDED, Status.CAUGHT):
            return "", ""
        one = last.last or last
        return (one.error, one.cause) if one.error or one.cause else last.branches_fault()


@dataclass(slots=True)
class Visit:
    """A step being read."""

    id: int
    name: str
    type: str
    entered_at: datetime
    scope: Scope
    input: Any
    tries: list[Attempt] = field(default_factory=list)
    branches: dict[str, Scope] = field(default_factory=dict)
    exited_at: datetime | None = None
    status: Status = Status.RUNNING
    output: Any = None
    error: str = ""
    cause: str = ""

    @property
    def open(self) -> bool:
        return self.exited_at is None

    def around(self) -> "Iterator[Visit]":
        """This step and those whose branches it is in, innermost first."""
        visit: Visit | None = self
        while visit is not None:
            yield visit
            visit = visit.scope.around

    @property
    def last(self) -> Attempt | None:
        """The latest attempt."""
        return self.tries[-1] if self.tries else None

    def schedule(self, at: datetime, resource: str, given: Any, redrive: int) -> None:
        """Begin the next attempt. A redrive so opens a step again that had ended with the execution."""
        if self.last and self.last.ended_at is None:
            self.end_attempt(Status.FAILED, at)
        number = len(self.tries) + 1
        self.tries.append(Attempt(number, at, resource=resource, input=given, redrive=redrive))
        self.exited_at, self.status, self.error, self.cause = None, Status.RUNNING, "", ""

    def note(self, at: datetime, **changes: Any) -> None:
        """Change what is known of the latest attempt; some failures come before anything was scheduled."""
        if not self.tries:
            self.schedule(at, "", self.input, 0)
        self.tries[-1] = replace(self.tries[-1], **changes)

    def end_attempt(self, status: Status, at: datetime, error: str = "", cause: str = "") -> None:
        """End the latest attempt; an error that is known already stays."""
        known = {"error": error} if error else {}
        known |= {"cause": cause} if cause else {}
        self.note(at, status=status, ended_at=at, **known)

    def branch(self, label: str) -> Scope:
        """A new branch of this Map or Parallel."""
        self.branches[label] = Scope(self, label)
        return self.branches[label]

    def close_branches(self, at: datetime) -> None:
        for branch in self.branches.values():
            branch.close(Status.ABORTED, at)

    def branches_fault(self) -> tuple[str, str]:
        """The first error inside a Map or Parallel: what made it fail."""
        faults = (branch.fault() for branch in self.branches.values())
        return next((fault for fault in faults if any(fault)), (self.error, self.cause))

    def close(self, status: Status, at: datetime, error: str = "", cause: str = "") -> None:
        """End the step; if its last attempt failed already, that is how and when the step ended."""
        if not self.open:
            return
        last = self.last
        if last and last.ended_at is None:
            self.end_attempt(status, at, error, cause)
            last = self.last
        elif last and last.status in (Status.FAILED, Status.TIMED_OUT) and status is not Status.SUCCEEDED:
            status = status if status is Status.CAUGHT else last.status
        self.status, self.exited_at = status, at
        self.error = error or (last.error if last and status is not Status.SUCCEEDED else "")
        self.cause = cause or (last.cause if last and status is not Status.SUCCEEDED else "")

    def step(self) -> Step:
        """What was read."""
        waiting = self.open and self.last and self.last.status is Status.WAITING
        branch = tuple(visit.scope.label for visit in self.around() if visit.scope.around)[::-1]
        return Step(
            self.id,
            self.name,
            self.type,
            self.entered_at,
            self.exited_at,
            Status.WAITING if waiting else self.status,
            tuple(self.tries),
            self.input,
            self.output,
            self.error,
            self.cause,
            self.scope.around.id if self.scope.around else None,
            branch,
        )
