"""An execution's history as steps: what each state was given, what it tried, how it ended."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

TOKEN = "[task token]"  # noqa: S105 (what is shown instead of one)


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


def steps(events: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The steps of an execution in the order in which they were entered.

    Reads what GetExecutionHistory answers: boto3's dictionaries, or the same as plain JSON. Events of kinds
    it does not know are passed over, and an execution that still runs has steps without an end.
    """
    history = _in_order(events)
    reader = _Reader(_Secrets(history))
    for event in history:
        reader.read(event)
    return tuple(visit.step() for visit in reader.visits)


@dataclass(slots=True)
class _Try:
    number: int
    scheduled_at: datetime
    resource: str
    input: Any
    redrive: int
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: Status = Status.RUNNING
    output: Any = None
    error: str = ""
    cause: str = ""

    def attempt(self) -> Attempt:
        return Attempt(
            self.number,
            self.scheduled_at,
            self.started_at,
            self.ended_at,
            self.status,
            self.resource,
            self.input,
            self.output,
            self.error,
            self.cause,
            self.redrive,
        )

    def end(self, status: Status, at: datetime, error: str = "", cause: str = "") -> None:
        self.status, self.ended_at = status, at
        self.error, self.cause = error or self.error, cause or self.cause


@dataclass(slots=True)
class _Scope:
    """A run of states one after the other: the machine itself, a Parallel's branch, a Map's iteration."""

    around: "_Visit | None" = None
    label: str = ""


@dataclass(slots=True)
class _Visit:
    """A step being read."""

    id: int
    name: str
    type: str
    entered_at: datetime
    scope: _Scope
    input: Any
    tries: list[_Try] = field(default_factory=list)
    branches: int = 0
    exited_at: datetime | None = None
    status: Status = Status.RUNNING
    output: Any = None
    error: str = ""
    cause: str = ""

    @property
    def open(self) -> bool:
        return self.exited_at is None

    def around(self) -> "Iterator[_Visit]":
        """This step and those whose branches it is in, innermost first."""
        visit: _Visit | None = self
        while visit is not None:
            yield visit
            visit = visit.scope.around

    def current(self, at: datetime) -> _Try:
        """The attempt that events speak of; some failures come before anything was scheduled."""
        return self.tries[-1] if self.tries else self.schedule(at, "", self.input, 0)

    def schedule(self, at: datetime, resource: str, given: Any, redrive: int) -> _Try:
        if self.tries and self.tries[-1].ended_at is None:
            self.tries[-1].end(Status.FAILED, at)
        self.tries.append(_Try(len(self.tries) + 1, at, resource, given, redrive))
        # A redrive opens a step again that had ended with the execution.
        self.exited_at, self.status, self.error, self.cause = None, Status.RUNNING, "", ""
        return self.tries[-1]

    def close(self, status: Status, at: datetime, error: str = "", cause: str = "") -> None:
        """End the step; if its last attempt failed already, that is how and when the step ended."""
        if not self.open:
            return
        last = self.tries[-1] if self.tries else None
        if last and last.ended_at is None:
            last.end(status, at, error, cause)
        elif last and last.status in (Status.FAILED, Status.TIMED_OUT) and status is not Status.SUCCEEDED:
            status = status if status is Status.CAUGHT else last.status
        self.status, self.exited_at = status, at
        self.error = error or (last.error if last and status is not Status.SUCCEEDED else "")
        self.cause = cause or (last.cause if last and status is not Status.SUCCEEDED else "")

    def step(self) -> Step:
        waiting = self.open and self.tries and self.tries[-1].status is Status.WAITING
        branch = tuple(visit.scope.label for visit in self.around() if visit.scope.around)[::-1]
        return Step(
            self.id,
            self.name,
            self.type,
            self.entered_at,
            self.exited_at,
            Status.WAITING if waiting else self.status,
            tuple(one.attempt() for one in self.tries),
            self.input,
            self.output,
            self.error,
            self.cause,
            self.scope.around.id if self.scope.around else None,
            branch,
        )


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

    scope: _Scope
    visit: _Visit | None = None


class _Reader:
    """Follows each event's `previousEventId`, since events of parallel branches are interleaved."""

    def __init__(self, secrets: "_Secrets") -> None:
        self.visits: list[_Visit] = []
        self._secrets = secrets
        self._places: dict[int, _Place] = {}
        self._redrives = 0
        self._top = _Scope()

    def read(self, event: "_Event") -> None:
        before = self._places.get(event.previous) or _Place(self._top)
        self._places[event.id] = before
        if match := _STATE.fullmatch(event.type):
            self._state(event, before, match[1], match[2])
        elif match := _TRY.fullmatch(event.type):
            self._try(event, before, match[2])
        elif match := _ITERATION.fullmatch(event.type):
            self._iteration(event, before, match[1])
        elif match := _MAP_RUN.fullmatch(event.type):
            self._fault(event, self._composite(before, "Map"))
        elif event.type == "EvaluationFailed":
            self._fault(event, before.visit)
        elif event.type == "ExecutionRedriven":
            self._redrives += 1
        elif event.type in _END:
            self._end(event, before, _END[event.type])

    def _state(self, event: "_Event", before: _Place, kind: str, what: str) -> None:
        if what == "Entered":
            self._enter(event, before, kind)
        elif what == "Exited":
            self._exit(event, before, kind)
        elif what == "Aborted":
            visit = self._open(before, kind)
            if visit:
                self._close_within(visit, event)
                visit.close(Status.ABORTED, event.at)
        elif visit := self._composite(before, kind):
            self._composite_event(event, visit, what)

    def _enter(self, event: "_Event", before: _Place, kind: str) -> None:
        scope = before.scope
        if before.visit and before.visit.type == "Parallel" and before.visit.open:
            # Every branch of a Parallel begins after the same event.
            scope = _Scope(before.visit, f"{before.visit.name}[{before.visit.branches}]")
            before.visit.branches += 1
        name = str(event.detail("name") or "")
        visit = _Visit(event.id, name, kind, event.at, scope, self._secrets.value(event.detail("input")))
        self.visits.append(visit)
        self._places[event.id] = _Place(scope, visit)

    def _exit(self, event: "_Event", before: _Place, kind: str) -> None:
        name = event.detail("name")
        visit = self._open(before, kind, name) or self._open(before, kind)
        if visit is None:
            return
        self._close_within(visit, event)
        visit.output = self._secrets.value(event.detail("output"))
        last = visit.tries[-1] if visit.tries else None
        caught = bool(visit.error) or (last is not None and last.status in _FAILURE)
        visit.close(Status.CAUGHT if caught else Status.SUCCEEDED, event.at, visit.error, visit.cause)
        self._places[event.id] = _Place(visit.scope, visit)

    def _composite_event(self, event: "_Event", visit: _Visit, what: str) -> None:
        self._places[event.id] = _Place(visit.scope, visit)
        if what == "Started":
            self._close_within(visit, event)
            visit.schedule(event.at, "", None, self._redrives).started_at = event.at
            visit.branches = 0
        elif what == "Succeeded":
            visit.current(event.at).end(Status.SUCCEEDED, event.at)
        else:
            error, cause = self._within_error(visit)
            self._close_within(visit, event)
            last = visit.current(event.at)
            last.end(Status.FAILED, event.at, last.error or error, last.cause or cause)

    def _iteration(self, event: "_Event", before: _Place, what: str) -> None:
        visit = self._composite(before, "Map")
        if visit is None:
            return
        index = event.detail("index")
        label = f"{visit.name}[{index}]"
        if what == "Started":
            self._places[event.id] = _Place(_Scope(visit, label), None)
            return
        if what in ("Failed", "Aborted"):
            inside = [one for one in self._within(visit) if label in self._labels(one, visit)]
            for one in inside:
                one.close(Status.FAILED if what == "Failed" else Status.ABORTED, event.at)
        self._places[event.id] = _Place(visit.scope, visit)

    def _try(self, event: "_Event", before: _Place, what: str) -> None:
        visit = before.visit if before.visit and before.visit.type == "Task" else self._open(before, "Task")
        if visit is None:
            return
        self._places[event.id] = _Place(visit.scope, visit)
        if what == "Scheduled":
            given = self._secrets.value(event.detail("parameters", "input"))
            visit.schedule(event.at, _resource(event), given, self._redrives)
            return
        last = visit.current(event.at)
        if what == "Started":
            last.started_at = event.at
        elif what == "Submitted":
            waits = ".waitForTaskToken" in last.resource or ".waitForTaskToken" in _resource(event)
            last.status = Status.WAITING if waits else Status.RUNNING
        elif what == "Succeeded":
            last.output = self._secrets.value(event.detail("output"))
            last.end(Status.SUCCEEDED, event.at)
        else:
            status = Status.TIMED_OUT if what == "TimedOut" else Status.FAILED
            error, cause = self._secrets.fault(event)
            last.end(status, event.at, error or ("States.Timeout" if what == "TimedOut" else ""), cause)

    def _fault(self, event: "_Event", visit: _Visit | None) -> None:
        """An error that belongs to no attempt of a task."""
        if visit is not None and visit.open:
            visit.error, visit.cause = self._secrets.fault(event)
            if visit.tries and visit.tries[-1].ended_at is None:
                visit.tries[-1].end(Status.FAILED, event.at, visit.error, visit.cause)

    def _end(self, event: "_Event", before: _Place, status: Status) -> None:
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

    def _open(self, before: _Place, kind: str, name: Any = None) -> _Visit | None:
        """The open step of a kind that an event speaks of: at its place, around it, or the latest of all."""
        near = [before.visit] if before.visit else []
        around = list(near[0].around()) if near else []
        if before.scope.around:
            around += list(before.scope.around.around())
        for visit in (*around, *reversed(self.visits)):
            if visit.open and visit.type == kind and (name is None or visit.name == name):
                return visit
        return None

    def _composite(self, before: _Place, kind: str) -> _Visit | None:
        """The Map or Parallel that an event in one of its branches, or of itself, speaks of."""
        return self._open(before, kind)

    def _within(self, composite: _Visit) -> list[_Visit]:
        return [one for one in self.visits if one is not composite and composite in one.around()]

    def _labels(self, visit: _Visit, composite: _Visit) -> list[str]:
        return [one.scope.label for one in visit.around() if one.scope.around is composite]

    def _close_within(self, composite: _Visit, event: "_Event") -> None:
        for visit in self._within(composite) if composite.type in ("Map", "Parallel") else ():
            visit.close(Status.FAILED if visit.type == "Fail" else Status.ABORTED, event.at)

    def _within_error(self, composite: _Visit) -> tuple[str, str]:
        """The first error inside a Map or Parallel: what made it fail."""
        for visit in self._within(composite):
            for one in visit.tries:
                if visit.status not in (Status.SUCCEEDED, Status.CAUGHT) and one.error:
                    return one.error, one.cause
        return composite.error, composite.cause


@dataclass(frozen=True, slots=True)
class _Event:
    """One event, whoever recorded it: numbers are whole, times have a zone, details are found by name."""

    id: int
    previous: int
    type: str
    at: datetime
    details: Mapping[str, Any]

    def detail(self, *names: str) -> Any:
        """The first of these details that is there."""
        return next((self.details[name] for name in names if name in self.details), None)


def _in_order(events: Iterable[Mapping[str, Any]]) -> Sequence[_Event]:
    """The events by number; without usable numbers, in the order given, each after the one before."""
    read: list[_Event] = []
    for place, event in enumerate(events, start=1):
        number = event.get("id")
        usable = isinstance(number, int)
        previous = event.get("previousEventId")
        if previous is None:
            previous = read[-1].id if read else 0
        details: dict[str, Any] = {}
        for name, value in event.items():
            if name.endswith("EventDetails") and isinstance(value, Mapping):
                details.update(value)
        read.append(
            _Event(
                number if isinstance(number, int) else -place,
                previous if usable or previous else (read[-1].id if read else 0),
                str(event.get("type", "")),
                _time(event.get("timestamp")),
                details,
            )
        )
    return sorted(read, key=lambda event: max(event.id, 0))


def _time(value: Any) -> datetime:
    """A moment from boto3's datetime, ISO text, or seconds since 1970."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return datetime.fromtimestamp(0, UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _resource(event: _Event) -> str:
    """What a task calls: `lambda:invoke.waitForTaskToken`, or the ARN of a function or activity."""
    kind, resource = event.detail("resourceType"), event.detail("resource")
    return f"{kind}:{resource}" if kind else str(resource or "")


_AWS_TOKEN = re.compile(r"A[A-Za-z0-9+/]{0,7}KgAAAA[A-Za-z0-9+/=]{40,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/=_.-]{32,}")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


class _Secrets:
    """Takes task tokens out of whatever leaves this module.

    A token is what stands under a name like `token` or `TaskToken`, what looks like one of AWS's, and, where
    a task waits for a token and none of these is there, every unguessable text that the state was not given.
    """

    def __init__(self, events: Iterable[_Event]) -> None:
        self._tokens: set[str] = set()
        given = ""
        for event in events:
            texts = list(_texts(_parsed(list(event.details.values()))))
            if event.type.endswith("StateEntered"):
                given += str(event.detail("input"))
            found = {text for name, text in texts if _names_token(name) and _OPAQUE.fullmatch(text)}
            found.update(token for _, text in texts for token in _AWS_TOKEN.findall(text))
            if not found and event.type == "TaskScheduled" and ".waitForTaskToken" in _resource(event):
                found.update(text for _, text in texts if _OPAQUE.fullmatch(text))
                found.update(token for _, text in texts for token in _UUID.findall(text))
                found = {token for token in found if token not in given}
            self._tokens |= found
        self._longest_first = sorted(self._tokens, key=len, reverse=True)

    def value(self, payload: Any) -> Any:
        """A payload as a JSON value without tokens."""
        return self._without(_parsed(payload))

    def fault(self, event: _Event) -> tuple[str, str]:
        """Error and cause of an event, as text."""
        error, cause = event.detail("error"), event.detail("cause")
        text = cause if isinstance(cause, str) else "" if cause is None else json.dumps(cause)
        return self._text(str(error or "")), self._text(text)

    def _text(self, text: str) -> str:
        for token in self._longest_first:
            text = text.replace(token, TOKEN)
        return text

    def _without(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            return {self._text(str(key)): self._without(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._without(one, name) for one in value]
        if isinstance(value, str):
            return TOKEN if value and _names_token(name) else self._text(value)
        return value


def _names_token(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()).endswith(("tasktoken", "token"))


def _parsed(payload: Any) -> Any:
    """A payload's JSON value; text that is no JSON stays text."""
    if isinstance(payload, str):
        try:
            return json.loads(payload)
        except ValueError:
            return payload
    return payload


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value with the name it stands under, also in JSON within text."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(one, str(key))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one, name)
    elif isinstance(value, str):
        yield name, value
        inner = _parsed(value) if value[:1] in ("{", "[") else None
        if inner is not None and not isinstance(inner, str):
            yield from _texts(inner, name)
