"""Rules of this project: readable names, one document, and no loop without a wait."""

import re
from collections.abc import Iterator
from typing import Any

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.machine import Machine, Scope, objects, pointer
from tests.state_machine.asl_lint.waits import is_waiting

MAX_NAME_LENGTH = 80
PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")
_WORD = re.compile(r"[a-z]+[A-Z]|^[A-Z][a-z]")


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders in a definition's text."""
    return set(PLACEHOLDER.findall(text))


@rule
def name_is_short(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a state name of more than 80 characters."""
    for state in machine.states:
        if not 0 < len(state.name) <= MAX_NAME_LENGTH:
            yield violation(state, f"the name has {len(state.name)} characters, not 1 to {MAX_NAME_LENGTH}")


@rule
def name_is_in_sentence_case(machine: Machine) -> Iterator[Violation]:
    """Operators read state names in the console and the history, so they are sentences, not identifiers."""
    for state in machine.states:
        first, *others = state.name.split(" ")
        if (
            not first[:1].isupper()
            or "_" in state.name
            or any(_WORD.search(word) for word in [first[1:], *others])
        ):
            yield violation(state, "the name is not in sentence case")


@rule
def choice_name_is_a_question(machine: Machine) -> Iterator[Violation]:
    """In the console's graph a question mark marks the states where the path branches."""
    for state in machine.states:
        if (state.type == "Choice") != state.name.endswith("?"):
            yield violation(state, "a Choice ends with a question mark, and no other state does")


@rule
def placeholder_is_valid(machine: Machine) -> Iterator[Violation]:
    """A deployment replaces ${Name} of letters only. Other placeholders would be deployed unchanged."""
    for path, text, is_name in _strings("", machine.definition):
        state = next((s for s in machine.states if path == s.path or path.startswith(f"{s.path}/")), None)
        if is_name and "${" in text:
            yield Violation(state, path, "a placeholder is allowed in values, not in names")
        elif "${" in PLACEHOLDER.sub("", text):
            yield Violation(state, path, "a placeholder consists of ${, letters and }")


@rule
def query_language_is_jsonpath(machine: Machine) -> Iterator[Violation]:
    """The file uses one query language, and the local Step Functions cannot evaluate JSONata."""
    if machine.definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield Violation(None, "/QueryLanguage", "QueryLanguage must be JSONPath")
    for state in machine.states:
        if state.body.get("QueryLanguage", "JSONPath") != "JSONPath":
            yield violation(state, "QueryLanguage must be JSONPath", "QueryLanguage")


@rule
def no_variables_are_assigned(machine: Machine) -> Iterator[Violation]:
    """All data is in the document. The inputs in the history do not show a variable of Assign."""
    for state in machine.states:
        if "Assign" in state.body:
            yield violation(state, "Assign keeps data outside the document", "Assign")


@rule
def result_path_is_set(machine: Machine) -> Iterator[Violation]:
    """Without ResultPath a result or an error replaces the whole document."""
    for state in machine.states:
        has_result = state.type in ("Task", "Parallel", "Map") or {"Result", "Parameters"} & state.body.keys()
        if has_result and state.body.get("ResultPath", "$") == "$":
            yield violation(state, "the result replaces the document: give it a ResultPath")
        for i, catcher in objects(state.body.get("Catch")):
            if catcher.get("ResultPath", "$") == "$":
                yield violation(state, "the error replaces the document: give it a ResultPath", "Catch", i)


@rule
def fail_has_error_and_cause(machine: Machine) -> Iterator[Violation]:
    """Operators see Error and Cause of a failed execution, and alarms and reports group by Error."""
    for state in machine.states:
        for name in ("Error", "Cause") if state.type == "Fail" else ():
            if not {name, f"{name}Path"} & state.body.keys():
                yield violation(state, f"a Fail needs {name}")
            elif {name, f"{name}Path"} <= state.body.keys():
                yield violation(state, f"has both {name} and {name}Path", name)


@rule
def loop_contains_a_wait(machine: Machine) -> Iterator[Violation]:
    """A loop without a Wait or a callback uses 25,000 events in minutes, and costs money."""
    for scope in machine.scopes:
        for loop in _busy_loops(scope):
            yield violation(
                scope.states[loop[0]], f"no Wait and no callback in the loop of {', '.join(loop)}"
            )


def _busy_loops(scope: Scope) -> Iterator[list[str]]:
    """Yield the groups of states that lead to each other without a wait, in document order."""
    reachable: dict[str, set[str]] = {
        name: {edge.target for edge in state.edges() if edge.target in scope.states}
        for name, state in scope.states.items()
        if not is_waiting(state)
    }
    for middle in reachable:
        for targets in reachable.values():
            if middle in targets:
                targets |= reachable[middle]
    reported: set[str] = set()
    for name, targets in reachable.items():
        if name in targets and name not in reported:
            loop = [other for other in reachable if other in targets and name in reachable[other]]
            reported.update(loop)
            yield loop


def _strings(path: str, value: Any) -> Iterator[tuple[str, str, bool]]:
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield pointer(path, name), name, True
            yield from _strings(pointer(path, name), inner)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _strings(pointer(path, i), inner)
