"""A model of a state machine definition: scopes, states and edges. It accepts malformed definitions."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
EdgeKind = Literal["next", "choice", "default", "catch"]
PROCESSOR_FIELDS = ("ItemProcessor", "Iterator")


def pointer(base: str, *steps: str | int) -> str:
    """Return a JSON pointer extended by steps."""
    return base + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def object_or_empty(value: Any) -> Json:
    """Return the value if it is an object, else an empty object. A rule of its own checks the types."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[tuple[int, Json]]:
    """Return the objects in a list with their indexes."""
    return [
        (i, item) for i, item in enumerate(value if isinstance(value, list) else []) if isinstance(item, dict)
    ]


@dataclass(frozen=True, slots=True)
class Edge:
    """A transition between two states: its target, its kind, and the JSON pointer of its field."""

    source: "State"
    target: str
    kind: EdgeKind
    index: int
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One state: its name, body and JSON pointer."""

    name: str
    body: Json
    path: str

    @property
    def type(self) -> str:
        kind = self.body.get("Type")
        return kind if isinstance(kind, str) else ""

    @property
    def is_terminal(self) -> bool:
        return self.type in ("Succeed", "Fail") or self.body.get("End") is True

    @property
    def is_callback(self) -> bool:
        return self.type == "Task" and str(self.body.get("Resource", "")).endswith(".waitForTaskToken")

    def at(self, *steps: str | int) -> str:
        return pointer(self.path, *steps)

    def edges(self) -> Iterator[Edge]:
        """Yield every transition whose target is a string, in document order."""
        if self.type == "Choice":
            for i, choice in objects(self.body.get("Choices")):
                if isinstance(choice.get("Next"), str):
                    yield Edge(self, choice["Next"], "choice", i, self.at("Choices", i, "Next"))
            if isinstance(self.body.get("Default"), str):
                yield Edge(self, self.body["Default"], "default", 0, self.at("Default"))
        elif self.type not in ("Succeed", "Fail") and isinstance(self.body.get("Next"), str):
            yield Edge(self, self.body["Next"], "next", 0, self.at("Next"))
        for i, catcher in objects(self.body.get("Catch")):
            if isinstance(catcher.get("Next"), str):
                yield Edge(self, catcher["Next"], "catch", i, self.at("Catch", i, "Next"))


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The states of one StartAt: the top level, a branch of a Parallel, or the processor of a Map."""

    body: Json
    path: str
    owner: State | None
    states: dict[str, State]

    @property
    def start(self) -> str | None:
        start = self.body.get("StartAt")
        return start if isinstance(start, str) and start in self.states else None

    def edges(self) -> Iterator[Edge]:
        """Yield every edge to a state of this scope."""
        for state in self.states.values():
            yield from (edge for edge in state.edges() if edge.target in self.states)

    def reachable(self) -> set[str]:
        """Return the names of the reachable states."""
        seen: set[str] = set()
        waiting = [self.start] if self.start else []
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += [edge.target for edge in self.states[name].edges() if edge.target in self.states]
        return seen


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition with its input fields, custom errors and task results."""

    definition: Json
    input_fields: frozenset[str] = frozenset()
    custom_errors: frozenset[str] = frozenset()
    results: Mapping[str, Collection[str]] = field(default_factory=dict)
    scopes: list[Scope] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scopes.extend(_scopes(self.definition, "", None))

    @property
    def states(self) -> list[State]:
        return [state for scope in self.scopes for state in scope.states.values()]

    @property
    def tasks(self) -> list[State]:
        return [state for state in self.states if state.type == "Task"]


def _scopes(body: Json, path: str, owner: State | None) -> Iterator[Scope]:
    named = object_or_empty(body.get("States"))
    states = {
        name: State(name, value, pointer(path, "States", name))
        for name, value in named.items()
        if isinstance(value, dict)
    }
    yield Scope(body, path, owner, states)
    for state in states.values():
        for i, branch in objects(state.body.get("Branches")):
            yield from _scopes(branch, state.at("Branches", i), state)
        for name in PROCESSOR_FIELDS:
            if isinstance(state.body.get(name), dict):
                yield from _scopes(state.body[name], state.at(name), state)
