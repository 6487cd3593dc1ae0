"""A state machine definition read into states and the edges between them, whatever it looks like."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
EdgeKind = Literal["next", "choice", "default", "catch"]
INNER_MACHINES = ("ItemProcessor", "Iterator")


def pointer(base: str, *steps: str | int) -> str:
    """A JSON pointer that goes further than the one given."""
    return base + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def an_object(value: Any) -> Json:
    """The value if it is an object, else an empty one: shapes are one rule's business, not every rule's."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[tuple[int, Json]]:
    """The objects in a list, with their places."""
    return [
        (i, item) for i, item in enumerate(value if isinstance(value, list) else []) if isinstance(item, dict)
    ]


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one state to the next: the field that names the target, and where that field stands."""

    source: "State"
    target: str
    kind: EdgeKind
    index: int
    path: str


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One state: its name, its body, and where it stands."""

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
        """Every way out, in the order of the document; only those that name a state by a string."""
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
    """The states of one StartAt: the machine itself, a branch of a Parallel, the inside of a Map."""

    body: Json
    path: str
    owner: State | None
    states: dict[str, State]

    @property
    def start(self) -> str | None:
        start = self.body.get("StartAt")
        return start if isinstance(start, str) and start in self.states else None

    def edges(self) -> Iterator[Edge]:
        """Every edge that leads to a state of this scope."""
        for state in self.states.values():
            yield from (edge for edge in state.edges() if edge.target in self.states)

    def reachable(self) -> set[str]:
        """The states that an execution can come to."""
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
    """A definition, and what the world around it promises: its input, its errors, its tasks' results."""

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
    named = an_object(body.get("States"))
    states = {
        name: State(name, value, pointer(path, "States", name))
        for name, value in named.items()
        if isinstance(value, dict)
    }
    yield Scope(body, path, owner, states)
    for state in states.values():
        for i, branch in objects(state.body.get("Branches")):
            yield from _scopes(branch, state.at("Branches", i), state)
        for name in INNER_MACHINES:
            if isinstance(state.body.get(name), dict):
                yield from _scopes(state.body[name], state.at(name), state)
