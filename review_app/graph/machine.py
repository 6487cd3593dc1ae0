"""State machines as states and the transitions between them, read from their definition."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class State:
    """One state; a Parallel's branches and a Map's processor are machines of their own in it."""

    name: str
    type: str
    branches: tuple["Machine", ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from one state to another: `next`, `choice`, `default` or `catch`."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Machine:
    """States in the order of the definition, with each way between two of them once a kind."""

    start: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    def every_state(self) -> Iterator[State]:
        """The states, and those of the machines in them."""
        for state in self.states:
            yield state
            for branch in state.branches:
                yield from branch.every_state()

    def every_transition(self) -> Iterator[Transition]:
        """The transitions, and those of the machines in the states."""
        yield from self.transitions
        for state in self.states:
            for branch in state.branches:
                yield from branch.every_transition()


def read(definition: Mapping[str, Any]) -> Machine:
    """The machine that a definition describes; ways to states that do not exist are left out."""
    states = definition.get("States", {})
    ways = (way for name, state in states.items() for way in _transitions(name, state))
    return Machine(
        str(definition.get("StartAt", "")),
        tuple(State(name, str(state.get("Type", "")), _branches(state)) for name, state in states.items()),
        tuple(dict.fromkeys(way for way in ways if way.target in states)),
    )


def _branches(state: Mapping[str, Any]) -> tuple[Machine, ...]:
    inner: Sequence[Any] = state.get("Branches") or [state.get("ItemProcessor") or state.get("Iterator")]
    return tuple(read(branch) for branch in inner if branch)


def _transitions(name: str, state: Mapping[str, Any]) -> Iterator[Transition]:
    if "Next" in state:
        yield Transition(name, state["Next"], "next")
    for choice in state.get("Choices", ()):
        if "Next" in choice:
            yield Transition(name, choice["Next"], "choice")
    if "Default" in state:
        yield Transition(name, state["Default"], "default")
    for catch in state.get("Catch", ()):
        if "Next" in catch:
            yield Transition(name, catch["Next"], "catch")
