"""State machine definitions (Amazon States Language) as states and transitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StateDefinition:
    """A state; `branches` holds the branches of a Parallel state or the item processor of a Map state."""

    name: str
    type: str
    branches: tuple["MachineDefinition", ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition between two states; its kind is `next`, `choice`, `default` or `catch`."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class MachineDefinition:
    """States in the order of the definition, and their transitions without duplicates."""

    start: str
    states: tuple[StateDefinition, ...]
    transitions: tuple[Transition, ...]

    def all_states(self) -> Iterator[StateDefinition]:
        """Yield the states, including those in branches."""
        for state in self.states:
            yield state
            for branch in state.branches:
                yield from branch.all_states()

    def all_transitions(self) -> Iterator[Transition]:
        """Yield the transitions, including those in branches."""
        yield from self.transitions
        for state in self.states:
            for branch in state.branches:
                yield from branch.all_transitions()


def parse_definition(definition: Mapping[str, Any]) -> MachineDefinition:
    """Parse a definition; transitions to states that do not exist are ignored."""
    states = definition.get("States", {})
    transitions = (transition for name, state in states.items() for transition in _transitions(name, state))
    return MachineDefinition(
        str(definition.get("StartAt", "")),
        tuple(
            StateDefinition(name, str(state.get("Type", "")), _branches(state))
            for name, state in states.items()
        ),
        tuple(dict.fromkeys(transition for transition in transitions if transition.target in states)),
    )


def _branches(state: Mapping[str, Any]) -> tuple[MachineDefinition, ...]:
    branches: Sequence[Any] = state.get("Branches") or [state.get("ItemProcessor") or state.get("Iterator")]
    return tuple(parse_definition(branch) for branch in branches if branch)


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
