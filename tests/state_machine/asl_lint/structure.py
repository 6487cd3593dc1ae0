"""Rules for the structure: statelint, and what it accepts although AWS refuses it."""

import json
from collections.abc import Iterator

from statelint.config import Config
from statelint.linter import Linter
from statelint.problem import ProblemType

from tests.state_machine.asl_lint.documents import TEMPLATES
from tests.state_machine.asl_lint.machine import Finding, Json, Machine, finding, rule, walk

# BackoffRate may be a whole number, and a Resource may be a placeholder.
STATELINT = Config({ProblemType.FLOAT, ProblemType.URI})
UNUSED_FIELDS = {"InputPath", "OutputPath", "Assign", "Credentials", "QueryLanguage"}
TESTS = ("IsNull", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
BOOLEANS = {"End", "BooleanEquals", *TESTS}


@rule
def definition_is_well_formed(machine: Machine) -> Iterator[Finding]:
    """CreateStateMachine refuses a machine without states, and the name of a state that is no string."""
    states = machine.definition.get("States")
    if not states or not isinstance(states, dict):
        yield finding(None, "States must be an object with at least one state", "States")
    if not isinstance(start := machine.definition.get("StartAt", ""), str):
        yield finding(None, f"StartAt must be a string, not {start!r}", "StartAt")
    for state in machine.states:
        if not isinstance(state.body, dict):
            yield finding(None, f"the state {state.name!r} must be an object", "States", state.name)
        for place, value in walk(state.body):
            if place and place[-1] in ("Next", "Default") and not isinstance(value, str):
                yield finding(state, f"{place[-1]} must be a string, not {value!r}", *place)


@rule
def language_is_the_subset(machine: Machine) -> Iterator[Finding]:
    """The tests run one flat graph with plain paths. Functions compute values, and no variable hides them."""
    if "QueryLanguage" in machine.definition:
        yield finding(None, "this project uses JSONPath", "QueryLanguage")
    for state in machine.states:
        if state.type in ("Parallel", "Map"):
            yield finding(state, f"this project uses no {state.type}", "Type")
        for name in sorted(state.body.keys() & UNUSED_FIELDS):
            yield finding(state, f"this project uses no {name}", name)
        for place, value in walk(state.body):
            if place and place[-1] == "IsPresent":
                yield finding(state, "a result always has the same fields here", *place)
            if str(value).startswith("States.") and str(place[-1]).endswith((".$", "Path")):
                yield finding(state, "this project uses no intrinsic function", *place)


@rule
def language_is_valid(machine: Machine) -> Iterator[Finding]:
    """CreateStateMachine refuses what statelint finds: fields, types, targets and unreachable states."""
    for problem in Linter.validate(machine.definition, STATELINT):
        named = [state for state in machine.states if f".{state.name}" in problem]
        yield finding(max(named, key=lambda state: len(state.name), default=None), problem)
    for state in machine.states:
        for name, field in state.body.items():
            if name in (*TEMPLATES, "Result"):
                if not isinstance(field, dict):
                    yield finding(state, f"{name} must be an object", name)
                continue
            for place, value in walk(field, name):
                if isinstance(value, bool) and (place[-1] not in BOOLEANS or (name == "End" and not value)):
                    yield finding(state, f"{place[-1]} must not be {json.dumps(value)}", *place)


@rule
def fail_has_error_and_cause(machine: Machine) -> Iterator[Finding]:
    """Operators see Error and Cause of a failed execution, and alarms and reports group by Error."""
    for state in machine.states:
        for name in ("Error", "Cause") if state.type == "Fail" else ():
            if not {name, f"{name}Path"} & state.body.keys():
                yield finding(state, f"a Fail needs {name}")


@rule
def graph_is_connected(machine: Machine) -> Iterator[Finding]:
    """An unreachable state never runs. An execution that cannot end fails at its 25,000th event."""
    targets = {state.name: {edge.target for edge in state.edges()} for state in machine.states}
    reached, ends = {machine.definition["StartAt"]}, {name for name in targets if not targets[name]}
    while more := {target for name in reached for target in targets[name]} - reached:
        reached |= more
    while more := {name for name in targets if targets[name] & ends} - ends:
        ends |= more
    for state in machine.states:
        if state.name not in reached & ends:
            way = "to this state" if state.name in ends else "from here to an end"
            yield finding(state, f"no path leads {way}")


@rule
def choice_has_a_default(machine: Machine) -> Iterator[Finding]:
    """Without Default an unexpected value fails the execution with States.NoChoiceMatched."""
    for state in machine.states:
        if state.type == "Choice" and "Default" not in state.body:
            yield finding(state, "a Choice needs a Default: States.NoChoiceMatched cannot be caught here")


@rule
def choice_compares_once(machine: Machine) -> Iterator[Finding]:
    """A rule needs exactly one comparison. Of two rules with the same condition the second never applies."""
    for state in machine.states:
        seen: list[Json] = []
        for place, condition in walk(state.body.get("Choices", []), "Choices"):
            if not isinstance(condition, dict):
                continue
            test = {name: value for name, value in condition.items() if name not in ("Next", "Comment")}
            if len(test.keys() - {"Variable"}) != 1:
                yield finding(state, "this rule needs exactly one comparison", *place)
            if len(place) == 2 and test in seen:
                yield finding(state, "an earlier rule has the same condition", *place)
            seen += [test] if len(place) == 2 else []
