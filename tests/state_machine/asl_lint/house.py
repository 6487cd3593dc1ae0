"""Rules of this house: the file can be read aloud, and no execution runs in circles."""

import re
from collections.abc import Iterator
from typing import Any

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Machine, Scope, objects, pointer
from tests.state_machine.asl_lint.waits import is_waiting

LONGEST_NAME = 80
PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")
_WORD = re.compile(r"[a-z]+[A-Z]|^[A-Z][a-z]")


def placeholders(text: str) -> set[str]:
    """The names of the placeholders in a definition's text."""
    return set(PLACEHOLDER.findall(text))


@rule
def name_is_short(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a state's name of more than 80 characters."""
    for state in machine.states:
        if not 0 < len(state.name) <= LONGEST_NAME:
            yield flaw(state, f"the name has {len(state.name)} characters, not 1 to {LONGEST_NAME}")


@rule
def name_is_in_sentence_case(machine: Machine) -> Iterator[Flaw]:
    """State names are what an operator reads in the console and the history: sentences, not identifiers."""
    for state in machine.states:
        first, *others = state.name.split(" ")
        if (
            not first[:1].isupper()
            or "_" in state.name
            or any(_WORD.search(word) for word in [first[1:], *others])
        ):
            yield flaw(state, "the name is not in sentence case")


@rule
def choice_asks_a_question(machine: Machine) -> Iterator[Flaw]:
    """In the console's graph a name with a question mark is where the way forks, and only there."""
    for state in machine.states:
        if (state.type == "Choice") != state.name.endswith("?"):
            yield flaw(state, "a Choice ends with a question mark, and no other state does")


@rule
def placeholder_is_plain(machine: Machine) -> Iterator[Flaw]:
    """A deployment fills in ${Name} of letters; a misspelt placeholder is deployed as it stands."""
    for path, text, is_name in _strings("", machine.definition):
        state = next((s for s in machine.states if path == s.path or path.startswith(f"{s.path}/")), None)
        if is_name and "${" in text:
            yield Flaw(state, path, "a placeholder stands in values, never in names")
        elif "${" in PLACEHOLDER.sub("", text):
            yield Flaw(state, path, "a placeholder is ${ and letters and }")


@rule
def query_language_is_jsonpath(machine: Machine) -> Iterator[Flaw]:
    """One language in the file; our local Step Functions cannot evaluate JSONata."""
    if machine.definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield Flaw(None, "/QueryLanguage", "QueryLanguage must be JSONPath")
    for state in machine.states:
        if state.body.get("QueryLanguage", "JSONPath") != "JSONPath":
            yield flaw(state, "QueryLanguage must be JSONPath", "QueryLanguage")


@rule
def document_is_the_only_memory(machine: Machine) -> Iterator[Flaw]:
    """One growing document: a variable of Assign would not be in the inputs that the history shows."""
    for state in machine.states:
        if "Assign" in state.body:
            yield flaw(state, "Assign makes a second memory beside the document", "Assign")


@rule
def document_is_kept(machine: Machine) -> Iterator[Flaw]:
    """One growing document: without ResultPath a result or an error replaces all that was known before."""
    for state in machine.states:
        makes = state.type in ("Task", "Parallel", "Map") or {"Result", "Parameters"} & state.body.keys()
        if makes and state.body.get("ResultPath", "$") == "$":
            yield flaw(state, "the result replaces the document: give it a ResultPath")
        for i, catcher in objects(state.body.get("Catch")):
            if catcher.get("ResultPath", "$") == "$":
                yield flaw(state, "the error replaces the document: give it a ResultPath", "Catch", i)


@rule
def fail_names_its_outcome(machine: Machine) -> Iterator[Flaw]:
    """A failed execution shows Error and Cause to the operator, and alarms and reports group by Error."""
    for state in machine.states:
        for name in ("Error", "Cause") if state.type == "Fail" else ():
            if not {name, f"{name}Path"} & state.body.keys():
                yield flaw(state, f"a Fail needs {name}")
            elif {name, f"{name}Path"} <= state.body.keys():
                yield flaw(state, f"has both {name} and {name}Path", name)


@rule
def loop_takes_its_time(machine: Machine) -> Iterator[Flaw]:
    """A loop without a Wait or a callback burns 25,000 events, and money, in minutes."""
    for scope in machine.scopes:
        for ring in _quick_rings(scope):
            yield flaw(scope.states[ring[0]], f"no Wait and no callback in the loop of {', '.join(ring)}")


def _quick_rings(scope: Scope) -> Iterator[list[str]]:
    """The groups of states that lead to each other without waiting, in the order of the document."""
    ways: dict[str, set[str]] = {
        name: {edge.target for edge in state.edges() if edge.target in scope.states}
        for name, state in scope.states.items()
        if not is_waiting(state)
    }
    for middle in ways:
        for targets in ways.values():
            if middle in targets:
                targets |= ways[middle]
    told: set[str] = set()
    for name, targets in ways.items():
        if name in targets and name not in told:
            ring = [other for other in ways if other in targets and name in ways[other]]
            told.update(ring)
            yield ring


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
