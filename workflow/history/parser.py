"""An execution's history as steps: what each state was given, what it tried, how it ended."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.history.events import Event, in_order
from workflow.history.redaction import TOKEN, Secrets
from workflow.history.step import Attempt, Status, Step
from workflow.history.visits import Scope, Visit

__all__ = ["TOKEN", "Attempt", "Status", "Step", "steps"]


def steps(events: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The steps of an execution in the order in which they were entered.

    Reads what GetExecutionHistory answers: boto3's dictionaries, or the same as plain JSON. Events of kinds
    it does not know are passed over, and an execution that still runs has steps without an end.
    """
    history = in_order(events)
    reader = _Reader(Secrets(history))
    for event in history:
        reader.read(event)
    return tuple(visit.step() for visit in reader.visits)


_STATE = re.compile(
    r"(Task|Choice|Wait|Pass|Succeed|Fail|Map|Parallel)State(Entered|Exited|Aborted|Started|Succeeded|Failed)"
)
_TRY = re.compile(
    r"(Task|LambdaFunction|Activity)"
    r"(Scheduled|ScheduleFailed|Started|StartFailed|Submitted|SubmitFailed|Succeeded|Failed|TimedOut)"
)
_ITERATION = re.compile(r"MapIteration(Started|Succeeded|Failed|Aborted)")
_MAP_RUN = re.compile(r"MapRun(Failed|Aborted)")
_END = {
    "ExecutionFailed": Status.FAILED,
    "ExecutionTimedOut": Status.TIMED_OUT,
    "ExecutionAborted": Status.ABORTED,
}
_FAILURE = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


@dataclass(slots=True)
class _Place:
    """Where an event happened: in which scope, and at which of its steps."""

    scope: Scope
    visit: Visit | None = None


class _Reader:
    """Follows each event's `previousEventId`, since events of parallel branches are interleaved."""

    def __init__(self, secrets: Secrets) -> None:
        self.visits: list[Visit] = []
        self._secrets = secrets
        self._places: dict[int, _Place] = {}
        self._redrives = 0
        self._top = Scope()

    def read(self, event: Event) -> None:
        before = self._places.get(event.previous) or _Place(self._top)
        self._places[event.id] = before
        if match := _STATE.fullmatch(event.type):
            self._state(event, before, match[1], match[2])
        elif match := _TRY.fullmatch(event.type):
            self._try(event, before, match[2])
        elif match := _ITERATION.fullmatch(event.type):
            self._iteration(event, before, match[1])
        elif match := _MAP_RUN.fullmatch(event.type):
            self._fault(event, self._open(before, "Map"))
        elif event.type == "EvaluationFailed":
            self._fault(event, before.visit)
        elif event.type == "ExecutionRedriven":
            self._redrives += 1
        elif event.type in _END:
            self._end(event, before, _END[event.type])

    def _state(self, event: Event, before: _Place, kind: str, what: str) -> None:
        if what == "Entered":
            self._enter(event, before, kind)
        elif what == "Exited":
            self._exit(event, before, kind)
        elif what == "Aborted":
            visit = self._open(before, kind)
            if visit:
                visit.close_branches(event.at)
                visit.close(Status.ABORTED, event.at)
        elif visit := self._open(before, kind):
            self._composite_event(event, visit, what)

    def _enter(self, event: Event, before: _Place, kind: str) -> None:
        scope = before.scope
        if before.visit and before.visit.type == "Parallel" and before.visit.open:
            # Every branch of a Parallel begins after the same event.
            scope = before.visit.branch(f"{before.visit.name}[{len(before.visit.branches)}]")
        name = str(event.detail("name") or "")
        visit = Visit(event.id, name, kind, event.at, scope, self._secrets.value(event.detail("input")))
        scope.last = visit
        self.visits.append(visit)
        self._places[event.id] = _Place(scope, visit)

    def _exit(self, event: Event, before: _Place, kind: str) -> None:
        name = event.detail("name")
        visit = self._open(before, kind, name) or self._open(before, kind)
        if visit is None:
            return
        visit.close_branches(event.at)
        visit.output = self._secrets.value(event.detail("output"))
        caught = bool(visit.error) or (visit.last is not None and visit.last.status in _FAILURE)
        visit.close(Status.CAUGHT if caught else Status.SUCCEEDED, event.at, visit.error, visit.cause)
        self._places[event.id] = _Place(visit.scope, visit)

    def _composite_event(self, event: Event, visit: Visit, what: str) -> None:
        self._places[event.id] = _Place(visit.scope, visit)
        if what == "Started":
            visit.close_branches(event.at)
            visit.branches.clear()
            visit.schedule(event.at, "", None, self._redrives)
            visit.note(event.at, started_at=event.at)
        elif what == "Succeeded":
            visit.end_attempt(Status.SUCCEEDED, event.at)
        else:
            fault = ("", "") if visit.last and visit.last.error else visit.branches_fault()
            visit.close_branches(event.at)
            visit.end_attempt(Status.FAILED, event.at, *fault)

    def _iteration(self, event: Event, before: _Place, what: str) -> None:
        visit = self._open(before, "Map")
        if visit is None:
            return
        index = event.detail("index")
        label = f"{visit.name}[{index}]"
        if what == "Started":
            self._places[event.id] = _Place(visit.branch(label))
            return
        if what in ("Failed", "Aborted") and label in visit.branches:
            visit.branches[label].close(Status.FAILED if what == "Failed" else Status.ABORTED, event.at)
        self._places[event.id] = _Place(visit.scope, visit)

    def _try(self, event: Event, before: _Place, what: str) -> None:
        visit = before.visit if before.visit and before.visit.type == "Task" else self._open(before, "Task")
        if visit is None:
            return
        self._places[event.id] = _Place(visit.scope, visit)
        if what == "Scheduled":
            given = self._secrets.value(event.detail("parameters", "input"))
            visit.schedule(event.at, event.resource, given, self._redrives)
            return
        if what == "Started":
            visit.note(event.at, started_at=event.at)
        elif what == "Submitted":
            visit.note(event.at, status=Status.WAITING if event.awaits_token else Status.RUNNING)
        elif what == "Succeeded":
            visit.note(event.at, output=self._secrets.value(event.detail("output")))
            visit.end_attempt(Status.SUCCEEDED, event.at)
        elif what == "TimedOut":
            error, cause = self._secrets.fault(event)
            visit.end_attempt(Status.TIMED_OUT, event.at, error or "States.Timeout", cause)
        else:
            visit.end_attempt(Status.FAILED, event.at, *self._secrets.fault(event))

    def _fault(self, event: Event, visit: Visit | None) -> None:
        """An error that belongs to no attempt of a task."""
        if visit is not None and visit.open:
            visit.error, visit.cause = self._secrets.fault(event)
            if visit.last and visit.last.ended_at is None:
                visit.end_attempt(Status.FAILED, event.at, visit.error, visit.cause)

    def _end(self, event: Event, before: _Place, status: Status) -> None:
        """The execution ended without success: so did every step that was still open."""
        error, cause = self._secrets.fault(event)
        guilty = {id(visit) for visit in before.visit.around()} if before.visit else set()
        for visit in self.visits:
            if not visit.open:
                continue
            if id(visit) in guilty or (not guilty and status is not Status.FAILED):
                visit.close(status, event.at, visit.error or error, visit.cause or cause)
            else:
                visit.close(Status.ABORTED, event.at)

    def _open(self, before: _Place, kind: str, name: Any = None) -> Visit | None:
        """The open step of a kind that an event speaks of: at its place, around it, or the latest of all."""
        around = list(before.visit.around()) if before.visit else []
        if before.scope.around:
            around += list(before.scope.around.around())
        for visit in (*around, *reversed(self.visits)):
            if visit.open and visit.type == kind and (name is None or visit.name == name):
                return visit
        return None
