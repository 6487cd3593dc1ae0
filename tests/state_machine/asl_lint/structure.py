"""Rules: the graph holds together, and every state has the fields of its type."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Json, Machine, State, an_object, objects, pointer
from tests.state_machine.asl_lint.vocabulary import (
    CATCHER_FIELDS,
    FIELD_TYPES,
    JSONATA_FIELDS,
    LONGEST_WAIT,
    MACHINE_FIELDS,
    RETRIER_FIELDS,
    SCOPE_FIELDS,
    STATE_FIELDS,
    called,
    is_a,
)

ANYWHERE = frozenset().union(*STATE_FIELDS.values()) | JSONATA_FIELDS


@rule
def states_are_objects(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a machine without states, and a state that is not an object."""
    for scope in machine.scopes:
        states = scope.body.get("States")
        if not isinstance(states, dict) or not states:
            yield Flaw(
                scope.owner, pointer(scope.path, "States"), "States must be an object with at least one state"
            )
        for name, state in an_object(states).items():
            if not isinstance(state, dict):
                yield Flaw(
                    scope.owner, pointer(scope.path, "States", name), f"the state {name!r} must be an object"
                )


@rule
def start_exists(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a StartAt that names no state."""
    for scope in machine.scopes:
        if scope.start is None:
            message = f"StartAt names no state: {scope.body.get('StartAt')!r}"
            yield Flaw(scope.owner, pointer(scope.path, "StartAt"), message)


@rule
def next_exists(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a Next, Default or Catch that names no state of the same scope."""
    for scope in machine.scopes:
        for state in scope.states.values():
            for edge in state.edges():
                if edge.target not in scope.states:
                    yield Flaw(state, edge.path, f"{edge.target!r} is not a state here")


@rule
def state_is_reachable(machine: Machine) -> Iterator[Flaw]:
    """A state that nothing leads to never runs: whoever wrote it believes that it does."""
    for scope in machine.scopes:
        reachable = scope.reachable()
        for state in scope.states.values() if scope.start else ():
            if state.name not in reachable:
                yield flaw(state, "nothing leads to this state")


@rule
def state_has_a_way_out(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a state with neither Next nor End: the execution could not go on."""
    for state in machine.states:
        if "Next" in STATE_FIELDS.get(state.type, ()) and not {"Next", "End"} & state.body.keys():
            yield flaw(state, "has neither Next nor End")


@rule
def next_or_end(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses Next beside End, and an End that is not true."""
    for state in machine.states:
        if "Next" not in STATE_FIELDS.get(state.type, ()):
            continue
        if {"Next", "End"} <= state.body.keys():
            yield flaw(state, "has both Next and End", "End")
        elif state.body.get("End") is False:
            yield flaw(state, "End must be true or absent", "End")


@rule
def end_is_in_reach(machine: Machine) -> Iterator[Flaw]:
    """An execution that can never end runs until its 25,000th event fails it, or for a year."""
    for scope in machine.scopes:
        edges = list(scope.edges())
        going_on = {edge.source.name for edge in edges}
        ends = {name for name, state in scope.states.items() if state.is_terminal or name not in going_on}
        while more := {edge.source.name for edge in edges if edge.target in ends} - ends:
            ends |= more
        for name, state in scope.states.items():
            if name in scope.reachable() and name not in ends:
                yield flaw(state, "no way from here leads to an end")


@rule
def type_is_known(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a state whose Type is missing or unknown; Types are case-sensitive."""
    for state in machine.states:
        if state.type not in STATE_FIELDS:
            yield flaw(state, f"{state.body.get('Type')!r} is not a state type", "Type")


@rule
def field_is_known(machine: Machine) -> Iterator[Flaw]:
    """A misspelt field is refused at best; emulators ignore it, and with it what it should have done."""
    for scope in machine.scopes:
        for name in sorted(scope.body.keys() - (SCOPE_FIELDS if scope.owner else MACHINE_FIELDS)):
            yield Flaw(scope.owner, pointer(scope.path, name), f"a state machine has no field {name!r}")
    for state in machine.states:
        for name in sorted(state.body.keys() - ANYWHERE):
            yield flaw(state, f"no state has a field {name!r}", name)
        for group, known in (("Retry", RETRIER_FIELDS), ("Catch", CATCHER_FIELDS)):
            for i, entry in objects(state.body.get(group)):
                for name in sorted(entry.keys() - known):
                    yield flaw(state, f"an entry of {group} has no field {name!r}", group, i, name)


@rule
def field_belongs_to_its_state(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a field of another type of state: Next in a Choice, Retry in a Wait."""
    for state in machine.states:
        if state.type in STATE_FIELDS:
            for name in sorted((state.body.keys() & ANYWHERE) - STATE_FIELDS[state.type]):
                owner = "a JSONata state" if name in JSONATA_FIELDS else "another type of state"
                yield flaw(state, f"{name} belongs to {owner}, not to a {state.type}", name)


@rule
def field_has_its_type(machine: Machine) -> Iterator[Flaw]:
    """A number in quotes is refused when the machine is created, even one that a placeholder fills in."""
    for state in machine.states:
        for name, value in state.body.items():
            types = FIELD_TYPES.get(name)
            if types and not is_a(value, types):
                yield flaw(state, f"{name} must be {called(types)}, not {value!r}", name)
        for group in ("Retry", "Catch", "Choices", "Branches"):
            entries = state.body.get(group)
            for i, entry in enumerate(entries if isinstance(entries, list) else []):
                yield from _entry(state, group, i, entry)


def _entry(state: State, group: str, i: int, entry: object) -> Iterator[Flaw]:
    if not isinstance(entry, dict):
        yield flaw(state, f"an entry of {group} must be an object", group, i)
    elif not isinstance(entry.get("Next", ""), str):
        yield flaw(state, f"Next must be a string, not {entry['Next']!r}", group, i, "Next")
    elif not isinstance(entry.get("ResultPath"), str | None):
        yield flaw(
            state, f"ResultPath must be a string or null, not {entry['ResultPath']!r}", group, i, "ResultPath"
        )
    elif group == "Catch" and "Next" not in entry:
        yield flaw(state, "a catcher needs a Next", group, i)


@rule
def seconds_are_possible(machine: Machine) -> Iterator[Flaw]:
    """Step Functions takes 1 to 99,999,999 seconds for a timeout or a heartbeat, from 0 on for a Wait."""
    bodies: list[tuple[State | None, str, Json]] = [(None, "", machine.definition)]
    bodies += [(state, state.path, state.body) for state in machine.states]
    for state, path, body in bodies:
        for name, least in (("TimeoutSeconds", 1), ("HeartbeatSeconds", 1), ("Seconds", 0)):
            value = body.get(name)
            if is_a(value, (int,)) and not least <= body[name] <= LONGEST_WAIT:
                yield Flaw(
                    state,
                    pointer(path, name),
                    f"{name} must be from {least} to {LONGEST_WAIT:,}, not {value}",
                )


@rule
def wait_has_one_duration(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a Wait without a duration, and one with two."""
    for state in machine.states:
        given = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} & state.body.keys()
        if state.type == "Wait" and len(given) != 1:
            yield flaw(state, f"a Wait needs exactly one duration, and has {sorted(given) or 'none'}")


@rule
def state_name_is_used_once(machine: Machine) -> Iterator[Flaw]:
    """State names are unique in the whole machine, inside Parallel and Map too; AWS refuses twins."""
    seen: set[str] = set()
    for state in machine.states:
        if state.name in seen:
            yield flaw(state, "another state has this name")
        seen.add(state.name)
