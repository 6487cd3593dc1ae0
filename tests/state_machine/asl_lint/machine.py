"""A model of a flat state machine, its findings, and the registry of the rules."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

Json = dict[str, Any]
Place = tuple[str | int, ...]


class Edge(NamedTuple):
    """A transition to a state, and the place of its choice rule, catcher or field."""

    target: str
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One state: its name and body."""

    name: str
    body: Json

    @property
    def type(self) -> str:
        return str(self.body.get("Type"))

    @property
    def is_callback(self) -> bool:
        return self.type == "Task" and str(self.body.get("Resource")).endswith(".waitForTaskToken")

    def edges(self) -> Iterator[Edge]:
        """Yield every transition, in document order."""
        for group in ("Choices", "Catch"):
            for i, entry in enumerate(self.body.get(group, ())):
                yield Edge(entry["Next"], (group, i))
        for name in ("Default", "Next"):
            if name in self.body:
                yield Edge(self.body[name], (name,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken rule: its name, the state, the place inside the state or the machine, and a message."""

    rule: str = ""
    state: str | None
    place: Place
    message: str

    def __str__(self) -> str:
        where = ("States", self.state, *self.place) if self.state is not None else self.place
        return f"/{'/'.join(map(str, where))}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition with its input fields, custom errors and task results."""

    definition: Json
    input_fields: frozenset[str] = frozenset()
    custom_errors: frozenset[str] = frozenset()
    results: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def states(self) -> list[State]:
        states = self.definition.get("States")
        return [State(name, body) for name, body in states.items()] if isinstance(states, dict) else []

    @property
    def tasks(self) -> list[State]:
        return [state for state in self.states if state.type == "Task"]


Check = Callable[[Machine], Iterator[Finding]]
AnyCheck = TypeVar("AnyCheck", bound=Check)
RULES: dict[str, Check] = {}


def rule(check: AnyCheck) -> AnyCheck:
    """Register a check under its name. Its docstring explains the rule's effect on AWS."""
    RULES[check.__name__.replace("_", "-")] = check
    return check


def finding(state: State | None, message: str, *place: str | int) -> Finding:
    """Return a finding in a state or the machine, at the field that the steps lead to."""
    return Finding(state=state.name if state else None, place=place, message=message)


def walk(value: Any, *place: str | int) -> Iterator[tuple[Place, Any]]:
    """Yield every value inside a JSON value with its place, the outer one first."""
    yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from walk(part, *place, name)
