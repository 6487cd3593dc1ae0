"""Rules: a Choice asks something that has an answer."""

import json
from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Json, Machine, State, objects
from tests.state_machine.asl_lint.paths import UnreadableError, parse_path
from tests.state_machine.asl_lint.vocabulary import (
    CHOICE_FIELDS,
    COMPARISONS,
    LOGIC,
    PATH_COMPARISONS,
    called,
    is_a,
)

Place = tuple[str | int, ...]
OPERATORS = COMPARISONS.keys() | PATH_COMPARISONS


def conditions(state: State) -> Iterator[tuple[Place, Json, bool]]:
    """Every condition of a Choice with its place; the flag says whether it stands at the top."""
    if state.type == "Choice":
        for i, condition in objects(state.body.get("Choices")):
            yield from _within(("Choices", i), condition, True)


def _within(place: Place, condition: Json, top: bool) -> Iterator[tuple[Place, Json, bool]]:
    yield place, condition, top
    for name in ("And", "Or"):
        for i, part in objects(condition.get(name)):
            yield from _within((*place, name, i), part, False)
    if isinstance(condition.get("Not"), dict):
        yield from _within((*place, "Not"), condition["Not"], False)


def _all(machine: Machine) -> Iterator[tuple[State, Place, Json, bool]]:
    for state in machine.states:
        for place, condition, top in conditions(state):
            yield state, place, condition, top


@rule
def choice_has_choices(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a Choice without Choices."""
    for state in machine.states:
        if state.type == "Choice" and state.body.get("Choices", []) == []:
            yield flaw(state, "a Choice needs at least one rule in Choices")


@rule
def choice_has_a_default(machine: Machine) -> Iterator[Flaw]:
    """Without Default an answer that nobody thought of fails the execution with States.NoChoiceMatched."""
    for state in machine.states:
        if state.type == "Choice" and "Default" not in state.body:
            yield flaw(state, "a Choice needs a Default: States.NoChoiceMatched cannot be caught here")


@rule
def choice_leads_somewhere(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a rule without Next, and a Next inside And, Or or Not."""
    for state, place, condition, top in _all(machine):
        if top and "Next" not in condition:
            yield flaw(state, "this rule has no Next", *place)
        elif not top and "Next" in condition:
            yield flaw(state, "only the outer rule may have a Next", *place, "Next")


@rule
def choice_compares_once(machine: Machine) -> Iterator[Flaw]:
    """A rule makes one comparison of one Variable; two of them are refused, none says nothing."""
    for state, place, condition, _ in _all(machine):
        tests = sorted(condition.keys() & (OPERATORS | LOGIC))
        unknown = condition.keys() - OPERATORS - LOGIC - CHOICE_FIELDS
        if len(tests) > 1 or (not tests and not unknown):
            yield flaw(state, f"this rule needs exactly one comparison, and has {tests or 'none'}", *place)
        elif tests and (tests[0] in LOGIC) == ("Variable" in condition):
            yield flaw(state, "a comparison needs a Variable, and And, Or and Not have none", *place)
        for name in ("And", "Or"):
            parts = condition.get(name, [{}])
            if not isinstance(parts, list) or not parts or len(objects(parts)) < len(parts):
                yield flaw(state, f"{name} needs a list of rules", *place, name)
        if not isinstance(condition.get("Not", {}), dict):
            yield flaw(state, "Not needs a rule", *place, "Not")


@rule
def choice_operator_is_known(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses an operator that it does not know, such as StringEqual or NumericAtLeast."""
    for state, place, condition, _ in _all(machine):
        for name in sorted(condition.keys() - OPERATORS - LOGIC - CHOICE_FIELDS):
            yield flaw(state, f"{name!r} is not a comparison operator", *place, name)


@rule
def choice_operand_has_its_type(machine: Machine) -> Iterator[Flaw]:
    """NumericEquals with "5" is refused; a test such as IsPresent takes true or false only."""
    for state, place, condition, _ in _all(machine):
        for name in sorted(condition.keys() & COMPARISONS.keys()):
            if not is_a(condition[name], COMPARISONS[name]):
                message = f"{name} compares with {called(COMPARISONS[name])}, not with {condition[name]!r}"
                yield flaw(state, message, *place, name)


@rule
def choice_paths_are_references(machine: Machine) -> Iterator[Flaw]:
    """Variable and every …Path operand must name one node; anything else is refused, or fails at run time."""
    for state, place, condition, _ in _all(machine):
        for name in sorted(condition.keys() & (PATH_COMPARISONS | {"Variable"})):
            if not _is_reference(condition[name]):
                yield flaw(state, f"{name} must be a reference path, not {condition[name]!r}", *place, name)


@rule
def choice_is_asked_once(machine: Machine) -> Iterator[Flaw]:
    """The first rule that matches wins, so a second one with the same condition is never taken."""
    for state in machine.states:
        seen: set[str] = set()
        for i, condition in objects(state.body.get("Choices") if state.type == "Choice" else []):
            asked = json.dumps(
                {k: v for k, v in condition.items() if k not in ("Next", "Comment")}, sort_keys=True
            )
            if asked in seen:
                yield flaw(state, "an earlier rule has the same condition", "Choices", i)
            seen.add(asked)


def _is_reference(text: object) -> bool:
    try:
        return isinstance(text, str) and parse_path(text).is_reference
    except UnreadableError:
        return False
