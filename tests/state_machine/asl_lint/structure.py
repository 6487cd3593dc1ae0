"""Rules for the structure: the graph is connected, and each state has the fields of its type."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.language_schema import (
    CATCHER_FIELDS,
    FIELD_TYPES,
    JSONATA_FIELDS,
    MACHINE_FIELDS,
    MAX_WAIT_SECONDS,
    RETRIER_FIELDS,
    SCOPE_FIELDS,
    STATE_FIELDS,
    describe_types,
    has_type,
)
from tests.state_machine.asl_lint.machine import Json, Machine, State, object_or_empty, objects, pointer

ALL_STATE_FIELDS = frozenset().union(*STATE_FIELDS.values()) | JSONATA_FIELDS


@rule
def states_are_objects(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a machine without states, and a state that is not an object."""
    for scope in machine.scopes:
        states = scope.body.get("States")
        if not isinstance(states, dict) or not states:
            yield Violation(
                scope.owner, pointer(scope.path, "States"), "States must be an object with at least one state"
            )
        for name, state in object_or_empty(states).items():
            if not isinstance(state, dict):
                yield Violation(
                    scope.owner, pointer(scope.path, "States", name), f"the state {name!r} must be an object"
                )


@rule
def start_exists(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a StartAt that names no state."""
    for scope in machine.scopes:
        if scope.start is None:
            message = f"StartAt names no state: {scope.body.get('StartAt')!r}"
            yield Violation(scope.owner, pointer(scope.path, "StartAt"), message)


@rule
def next_exists(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a Next, Default or Catch that names no state of the same scope."""
    for scope in machine.scopes:
        for state in scope.states.values():
            for edge in state.edges():
                if edge.target not in scope.states:
                    yield Violation(state, edge.path, f"{edge.target!r} is not a state here")


@rule
def state_is_reachable(machine: Machine) -> Iterator[Violation]:
    """A state without an incoming path never runs."""
    for scope in machine.scopes:
        reachable = scope.reachable()
        for state in scope.states.values() if scope.start else ():
            if state.name not in reachable:
                yield violation(state, "no path leads to this state")


@rule
def state_has_next_or_end(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a state with neither Next nor End."""
    for state in machine.states:
        if "Next" in STATE_FIELDS.get(state.type, ()) and not {"Next", "End"} & state.body.keys():
            yield violation(state, "has neither Next nor End")


@rule
def state_has_not_next_and_end(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses Next together with End, and an End that is not true."""
    for state in machine.states:
        if "Next" not in STATE_FIELDS.get(state.type, ()):
            continue
        if {"Next", "End"} <= state.body.keys():
            yield violation(state, "has both Next and End", "End")
        elif state.body.get("End") is False:
            yield violation(state, "End must be true or absent", "End")


@rule
def end_is_reachable(machine: Machine) -> Iterator[Violation]:
    """An execution that cannot end fails at its 25,000th event or runs for a year."""
    for scope in machine.scopes:
        edges = list(scope.edges())
        with_edges = {edge.source.name for edge in edges}
        ends = {name for name, state in scope.states.items() if state.is_terminal or name not in with_edges}
        while more := {edge.source.name for edge in edges if edge.target in ends} - ends:
            ends |= more
        for name, state in scope.states.items():
            if name in scope.reachable() and name not in ends:
                yield violation(state, "no path from here leads to an end")


@rule
def type_is_known(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a missing or unknown Type. Types are case-sensitive."""
    for state in machine.states:
        if state.type not in STATE_FIELDS:
            yield violation(state, f"{state.body.get('Type')!r} is not a state type", "Type")


@rule
def field_is_known(machine: Machine) -> Iterator[Violation]:
    """AWS refuses a misspelt field, emulators ignore it and its effect."""
    for scope in machine.scopes:
        for name in sorted(scope.body.keys() - (SCOPE_FIELDS if scope.owner else MACHINE_FIELDS)):
            yield Violation(scope.owner, pointer(scope.path, name), f"a state machine has no field {name!r}")
    for state in machine.states:
        for name in sorted(state.body.keys() - ALL_STATE_FIELDS):
            yield violation(state, f"no state has a field {name!r}", name)
        for group, known in (("Retry", RETRIER_FIELDS), ("Catch", CATCHER_FIELDS)):
            for i, entry in objects(state.body.get(group)):
                for name in sorted(entry.keys() - known):
                    yield violation(state, f"an entry of {group} has no field {name!r}", group, i, name)


@rule
def field_belongs_to_its_state(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a field of another state type: Next in a Choice, Retry in a Wait."""
    for state in machine.states:
        if state.type in STATE_FIELDS:
            for name in sorted((state.body.keys() & ALL_STATE_FIELDS) - STATE_FIELDS[state.type]):
                owner = "a JSONata state" if name in JSONATA_FIELDS else "another type of state"
                yield violation(state, f"{name} belongs to {owner}, not to a {state.type}", name)


@rule
def field_has_its_type(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a number in quotes, also the value of a placeholder."""
    for state in machine.states:
        for name, value in state.body.items():
            types = FIELD_TYPES.get(name)
            if types and not has_type(value, types):
                yield violation(state, f"{name} must be {describe_types(types)}, not {value!r}", name)
        for group in ("Retry", "Catch", "Choices", "Branches"):
            entries = state.body.get(group)
            for i, entry in enumerate(entries if isinstance(entries, list) else []):
                yield from _check_entry(state, group, i, entry)


def _check_entry(state: State, group: str, i: int, entry: object) -> Iterator[Violation]:
    if not isinstance(entry, dict):
        yield violation(state, f"an entry of {group} must be an object", group, i)
    elif not isinstance(entry.get("Next", ""), str):
        yield violation(state, f"Next must be a string, not {entry['Next']!r}", group, i, "Next")
    elif not isinstance(entry.get("ResultPath"), str | None):
        yield violation(
            state, f"ResultPath must be a string or null, not {entry['ResultPath']!r}", group, i, "ResultPath"
        )
    elif group == "Catch" and "Next" not in entry:
        yield violation(state, "a catcher needs a Next", group, i)


@rule
def seconds_are_valid(machine: Machine) -> Iterator[Violation]:
    """A timeout or heartbeat is 1 to 99,999,999 seconds, a Wait 0 to 99,999,999."""
    bodies: list[tuple[State | None, str, Json]] = [(None, "", machine.definition)]
    bodies += [(state, state.path, state.body) for state in machine.states]
    for state, path, body in bodies:
        for name, minimum in (("TimeoutSeconds", 1), ("HeartbeatSeconds", 1), ("Seconds", 0)):
            value = body.get(name)
            if has_type(value, (int,)) and not minimum <= body[name] <= MAX_WAIT_SECONDS:
                yield Violation(
                    state,
                    pointer(path, name),
                    f"{name} must be from {minimum} to {MAX_WAIT_SECONDS:,}, not {value}",
                )


@rule
def wait_has_one_duration(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a Wait without a duration, and one with two."""
    for state in machine.states:
        durations = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} & state.body.keys()
        if state.type == "Wait" and len(durations) != 1:
            yield violation(
                state, f"a Wait needs exactly one duration, and has {sorted(durations) or 'none'}"
            )


@rule
def state_name_is_unique(machine: Machine) -> Iterator[Violation]:
    """State names are unique in the whole machine, also inside Parallel and Map. AWS refuses duplicates."""
    seen: set[str] = set()
    for state in machine.states:
        if state.name in seen:
            yield violation(state, "another state has this name")
        seen.add(state.name)
