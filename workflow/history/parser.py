"""Parser of an execution's history: each visit to a state becomes a step with its input, attempts and end."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workflow.history.events import HistoryEvent, sort_events
from workflow.history.redaction import TokenRedactor
from workflow.history.state_visits import StateScope, StateVisit
from workflow.history.step import ExecutionStep, StepStatus


def parse_steps(events: Iterable[Mapping[str, Any]]) -> tuple[ExecutionStep, ...]:
    """Return the steps of an execution in the order in which they were entered.

    `events` is the response of GetExecutionHistory: boto3's dictionaries, or the same as plain JSON. Unknown
    types of events are skipped, and a running execution has steps without an end.
    """
    history = sort_events(events)
    reader = _Reader(TokenRedactor(history))
    for event in history:
        reader.read(event)
    return tuple(visit.to_step() for visit in reader.visits)


_STATE = re.compile(
    r"(Task|Choice|Wait|Pass|Succeed|Fail|Map|Parallel)State(Entered|Exited|Aborted|Started|Succeeded|Failed)"
)
_ATTEMPT = re.compile(
    r"(Task|LambdaFunction|Activity)"
    r"(Scheduled|ScheduleFailed|Started|StartFailed|Submitted|SubmitFailed|Succeeded|Failed|TimedOut)"
)
_ITERATION = re.compile(r"MapIteration(Started|Succeeded|Failed|Aborted)")
_MAP_RUN = re.compile(r"MapRun(Failed|Aborted)")
_END = {
    "ExecutionFailed": StepStatus.FAILED,
    "ExecutionTimedOut": StepStatus.TIMED_OUT,
    "ExecutionAborted": StepStatus.ABORTED,
}
_FAILURE = (StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.ABORTED)


@dataclass(slots=True)
class _Position:
    """The position of an event: its scope, and the visit within it."""

    scope: StateScope
    visit: StateVisit | None = None


class _Reader:
    """A reader that follows each event's `previousEventId`, since parallel branches are interleaved."""

    def __init__(self, redactor: TokenRedactor) -> None:
        self.visits: list[StateVisit] = []
        self._redactor = redactor
        self._positions: dict[int, _Position] = {}
        self._redrives = 0
        self._top = StateScope()

    def read(self, event: HistoryEvent) -> None:
        before = self._positions.get(event.previous_id) or _Position(self._top)
        self._positions[event.id] = before
        if match := _STATE.fullmatch(event.type):
            self._state(event, before, match[1], match[2])
        elif match := _ATTEMPT.fullmatch(event.type):
            self._task_event(event, before, match[2])
        elif match := _ITERATION.fullmatch(event.type):
            self._iteration(event, before, match[1])
        elif match := _MAP_RUN.fullmatch(event.type):
            self._record_error(event, self._find_open(before, "Map"))
        elif event.type == "EvaluationFailed":
            self._record_error(event, before.visit)
        elif event.type == "ExecutionRedriven":
            self._redrives += 1
        elif event.type in _END:
            self._end_execution(event, before, _END[event.type])

    def _state(self, event: HistoryEvent, before: _Position, state_type: str, transition: str) -> None:
        if transition == "Entered":
            self._enter(event, before, state_type)
        elif transition == "Exited":
            self._exit(event, before, state_type)
        elif transition == "Aborted":
            visit = self._find_open(before, state_type)
            if visit:
                visit.close_branches(event.at)
                visit.close(StepStatus.ABORTED, event.at)
        elif visit := self._find_open(before, state_type):
            self._composite_event(event, visit, transition)

    def _enter(self, event: HistoryEvent, before: _Position, state_type: str) -> None:
        scope = before.scope
        if before.visit and before.visit.type == "Parallel" and before.visit.is_open:
            # Every branch of a Parallel begins after the same event.
            scope = before.visit.add_branch(f"{before.visit.name}[{len(before.visit.branches)}]")
        name = str(event.detail("name") or "")
        visit = StateVisit(
            id=event.id,
            name=name,
            type=state_type,
            entered_at=event.at,
            scope=scope,
            input=self._redactor.redact(event.detail("input")),
        )
        scope.last_visit = visit
        self.visits.append(visit)
        self._positions[event.id] = _Position(scope, visit)

    def _exit(self, event: HistoryEvent, before: _Position, state_type: str) -> None:
        name = event.detail("name")
        visit = self._find_open(before, state_type, name) or self._find_open(before, state_type)
        if visit is None:
            return
        visit.close_branches(event.at)
        visit.output = self._redactor.redact(event.detail("output"))
        caught = bool(visit.error) or (
            visit.last_attempt is not None and visit.last_attempt.status in _FAILURE
        )
        visit.close(StepStatus.CAUGHT if caught else StepStatus.SUCCEEDED, event.at, visit.error, visit.cause)
        self._positions[event.id] = _Position(visit.scope, visit)

    def _composite_event(self, event: HistoryEvent, visit: StateVisit, transition: str) -> None:
        self._positions[event.id] = _Position(visit.scope, visit)
        if transition == "Started":
            visit.close_branches(event.at)
            visit.branches.clear()
            visit.start_attempt(event.at, "", None, self._redrives)
            visit.update_attempt(event.at, started_at=event.at)
        elif transition == "Succeeded":
            visit.end_attempt(StepStatus.SUCCEEDED, event.at)
        else:
            failure = (
                ("", "") if visit.last_attempt and visit.last_attempt.error else visit.find_branch_error()
            )
            visit.close_branches(event.at)
            visit.end_attempt(StepStatus.FAILED, event.at, *failure)

    def _iteration(self, event: HistoryEvent, before: _Position, transition: str) -> None:
        visit = self._find_open(before, "Map")
        if visit is None:
            return
        index = event.detail("index")
        label = f"{visit.name}[{index}]"
        if transition == "Started":
            self._positions[event.id] = _Position(visit.add_branch(label))
            return
        if transition in ("Failed", "Aborted") and label in visit.branches:
            visit.branches[label].close(
                StepStatus.FAILED if transition == "Failed" else StepStatus.ABORTED, event.at
            )
        self._positions[event.id] = _Position(visit.scope, visit)

    def _task_event(self, event: HistoryEvent, before: _Position, transition: str) -> None:
        visit = (
            before.visit if before.visit and before.visit.type == "Task" else self._find_open(before, "Task")
        )
        if visit is None:
            return
        self._positions[event.id] = _Position(visit.scope, visit)
        if transition == "Scheduled":
            payload = self._redactor.redact(event.detail("parameters", "input"))
            visit.start_attempt(event.at, event.resource, payload, self._redrives)
            if event.awaits_token and (seconds := event.detail("timeoutInSeconds")):
                visit.update_attempt(event.at, deadline=event.at + timedelta(seconds=int(seconds)))
            return
        if transition == "Started":
            visit.update_attempt(event.at, started_at=event.at)
        elif transition == "Submitted":
            visit.update_attempt(
                event.at, status=StepStatus.WAITING if event.awaits_token else StepStatus.RUNNING
            )
        elif transition == "Succeeded":
            visit.update_attempt(event.at, output=self._redactor.redact(event.detail("output")))
            visit.end_attempt(StepStatus.SUCCEEDED, event.at)
        elif transition == "TimedOut":
            error, cause = self._redactor.redact_error(event)
            visit.end_attempt(StepStatus.TIMED_OUT, event.at, error or "States.Timeout", cause)
        else:
            visit.end_attempt(StepStatus.FAILED, event.at, *self._redactor.redact_error(event))

    def _record_error(self, event: HistoryEvent, visit: StateVisit | None) -> None:
        """Record an error that belongs to no attempt of a task."""
        if visit is not None and visit.is_open:
            visit.error, visit.cause = self._redactor.redact_error(event)
            if visit.last_attempt and visit.last_attempt.ended_at is None:
                visit.end_attempt(StepStatus.FAILED, event.at, visit.error, visit.cause)

    def _end_execution(self, event: HistoryEvent, before: _Position, status: StepStatus) -> None:
        """Close every open visit when the execution ends without success."""
        error, cause = self._redactor.redact_error(event)
        failed_ids = {id(visit) for visit in before.visit.enclosing()} if before.visit else set()
        for visit in self.visits:
            if not visit.is_open:
                continue
            if id(visit) in failed_ids or (not failed_ids and status is not StepStatus.FAILED):
                visit.close(status, event.at, visit.error or error, visit.cause or cause)
            else:
                visit.close(StepStatus.ABORTED, event.at)

    def _find_open(self, before: _Position, state_type: str, name: Any = None) -> StateVisit | None:
        """Find the open visit of a type: at the event's position, enclosing it, or the latest of all."""
        enclosing = list(before.visit.enclosing()) if before.visit else []
        if before.scope.parent:
            enclosing += list(before.scope.parent.enclosing())
        for visit in (*enclosing, *reversed(self.visits)):
            if visit.is_open and visit.type == state_type and (name is None or visit.name == name):
                return visit
        return None
