"""Rules for Choice states."""

import json
from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.language_schema import (
    CHOICE_FIELDS,
    COMPARISONS,
    LOGIC,
    PATH_COMPARISONS,
    describe_types,
    has_type,
)
from tests.state_machine.asl_lint.machine import Json, Machine, State, objects
from tests.state_machine.asl_lint.paths import ParseError, parse_path

Place = tuple[str | int, ...]
OPERATORS = COMPARISONS.keys() | PATH_COMPARISONS


def conditions(state: State) -> Iterator[tuple[Place, Json, bool]]:
    """Yield every condition of a Choice with its place. The flag is true for a top-level condition."""
    if state.type == "Choice":
        for i, condition in objects(state.body.get("Choices")):
            yield from _nested_conditions(("Choices", i), condition, True)


def _nested_conditions(place: Place, condition: Json, top: bool) -> Iterator[tuple[Place, Json, bool]]:
    yield place, condition, top
    for name in ("And", "Or"):
        for i, part in objects(condition.get(name)):
            yield from _nested_conditions((*place, name, i), part, False)
    if isinstance(condition.get("Not"), dict):
        yield from _nested_conditions((*place, "Not"), condition["Not"], False)


def _all_conditions(machine: Machine) -> Iterator[tuple[State, Place, Json, bool]]:
    for state in machine.states:
        for place, condition, top in conditions(state):
            yield state, place, condition, top


@rule
def choice_has_choices(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a Choice without Choices."""
    for state in machine.states:
        if state.type == "Choice" and state.body.get("Choices", []) == []:
            yield violation(state, "a Choice needs at least one rule in Choices")


@rule
def choice_has_a_default(machine: Machine) -> Iterator[Violation]:
    """Without Default an unexpected value fails the execution with States.NoChoiceMatched."""
    for state in machine.states:
        if state.type == "Choice" and "Default" not in state.body:
            yield violation(state, "a Choice needs a Default: States.NoChoiceMatched cannot be caught here")


@rule
def choice_has_a_next(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a rule without Next, and a Next inside And, Or or Not."""
    for state, place, condition, top in _all_conditions(machine):
        if top and "Next" not in condition:
            yield violation(state, "this rule has no Next", *place)
        elif not top and "Next" in condition:
            yield violation(state, "only the outer rule may have a Next", *place, "Next")


@rule
def choice_compares_once(machine: Machine) -> Iterator[Violation]:
    """A rule needs exactly one comparison of one Variable. CreateStateMachine refuses any other number."""
    for state, place, condition, _ in _all_conditions(machine):
        comparisons = sorted(condition.keys() & (OPERATORS | LOGIC))
        unknown = condition.keys() - OPERATORS - LOGIC - CHOICE_FIELDS
        if len(comparisons) > 1 or (not comparisons and not unknown):
            yield violation(
                state, f"this rule needs exactly one comparison, and has {comparisons or 'none'}", *place
            )
        elif comparisons and (comparisons[0] in LOGIC) == ("Variable" in condition):
            yield violation(state, "a comparison needs a Variable, and And, Or and Not have none", *place)
        for name in ("And", "Or"):
            parts = condition.get(name, [{}])
            if not isinstance(parts, list) or not parts or len(objects(parts)) < len(parts):
                yield violation(state, f"{name} needs a list of rules", *place, name)
        if not isinstance(condition.get("Not", {}), dict):
            yield violation(state, "Not needs a rule", *place, "Not")


@rule
def choice_operator_is_known(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses an unknown operator, such as StringEqual or NumericAtLeast."""
    for state, place, condition, _ in _all_conditions(machine):
        for name in sorted(condition.keys() - OPERATORS - LOGIC - CHOICE_FIELDS):
            yield violation(state, f"{name!r} is not a comparison operator", *place, name)


@rule
def choice_operand_has_its_type(machine: Machine) -> Iterator[Violation]:
    """NumericEquals with "5" is refused, and a test such as IsPresent takes true or false only."""
    for state, place, condition, _ in _all_conditions(machine):
        for name in sorted(condition.keys() & COMPARISONS.keys()):
            if not has_type(condition[name], COMPARISONS[name]):
                message = (
                    f"{name} compares with {describe_types(COMPARISONS[name])}, not with {condition[name]!r}"
                )
                yield violation(state, message, *place, name)


@rule
def choice_paths_are_references(machine: Machine) -> Iterator[Violation]:
    """Variable and every …Path operand must select one node. Others are refused, or fail at run time."""
    for state, place, condition, _ in _all_conditions(machine):
        for name in sorted(condition.keys() & (PATH_COMPARISONS | {"Variable"})):
            if not _is_reference(condition[name]):
                yield violation(
                    state, f"{name} must be a reference path, not {condition[name]!r}", *place, name
                )


@rule
def choice_condition_is_unique(machine: Machine) -> Iterator[Violation]:
    """The first matching rule wins, so a second rule with the same condition never applies."""
    for state in machine.states:
        seen: set[str] = set()
        for i, condition in objects(state.body.get("Choices") if state.type == "Choice" else []):
            text = json.dumps(
                {k: v for k, v in condition.items() if k not in ("Next", "Comment")}, sort_keys=True
            )
            if text in seen:
                yield violation(state, "an earlier rule has the same condition", "Choices", i)
            seen.add(text)


def _is_reference(text: object) -> bool:
    try:
        return isinstance(text, str) and parse_path(text).is_reference
    except ParseError:
        return False
