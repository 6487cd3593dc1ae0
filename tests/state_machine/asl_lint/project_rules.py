"""Rules of this project: readable names, placeholders that a deployment replaces, and one document."""

import re
from collections.abc import Iterator

from tests.state_machine.asl_lint.machine import Finding, Machine, finding, rule, walk

MAX_NAME_LENGTH = 80
PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")
_WORD = re.compile(r"[a-z]+[A-Z]|^[A-Z][a-z]")


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders in a definition's text."""
    return set(PLACEHOLDER.findall(text))


@rule
def name_is_in_sentence_case(machine: Machine) -> Iterator[Finding]:
    """Operators read state names, so they are sentences. AWS refuses more than 80 characters."""
    for state in machine.states:
        first, *others = state.name.split(" ")
        words = [first[1:], *others]
        if not first[:1].isupper() or "_" in state.name or any(map(_WORD.search, words)):
            yield finding(state, "the name is not in sentence case")
        if len(state.name) > MAX_NAME_LENGTH:
            yield finding(state, f"the name has more than {MAX_NAME_LENGTH} characters")


@rule
def choice_name_is_a_question(machine: Machine) -> Iterator[Finding]:
    """In the console's graph a question mark marks the states where the path branches."""
    for state in machine.states:
        if (state.type == "Choice") != state.name.endswith("?"):
            yield finding(state, "a Choice ends with a question mark, and no other state does")


@rule
def placeholder_is_valid(machine: Machine) -> Iterator[Finding]:
    """A deployment replaces ${Name} of letters only, in values. Others would be deployed unchanged."""
    states = {state.name: state for state in machine.states}
    for place, value in walk(machine.definition):
        state = states.get(str(place[1])) if place[:1] == ("States",) and len(place) > 1 else None
        inside = place[2:] if state else place
        if place and "${" in str(place[-1]):
            yield finding(state, "a placeholder is allowed in values, not in names", *inside)
        if isinstance(value, str) and "${" in PLACEHOLDER.sub("", value):
            yield finding(state, "a placeholder consists of ${, letters and }", *inside)


@rule
def result_path_is_set(machine: Machine) -> Iterator[Finding]:
    """Without ResultPath a result or an error replaces the whole document."""
    for state in machine.states:
        has_result = state.type == "Task" or {"Result", "Parameters"} & state.body.keys()
        if has_result and state.body.get("ResultPath", "$") == "$":
            yield finding(state, "the result replaces the document: give it a ResultPath")
        for i, catcher in enumerate(state.body.get("Catch", ())):
            if catcher.get("ResultPath", "$") == "$":
                yield finding(state, "the error replaces the document: give it a ResultPath", "Catch", i)
