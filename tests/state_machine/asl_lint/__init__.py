"""A lint for Amazon States Language with JSONPath: what AWS would refuse, never reach, or fail on.

Emulators and the usual validators accept most of these mistakes. Every rule is a small function that a list
knows by name; its docstring says why it matters on AWS.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from tests.state_machine.asl_lint import choices, errors, house, integrations, references, structure, waits
from tests.state_machine.asl_lint.findings import RULES, Finding
from tests.state_machine.asl_lint.house import placeholders
from tests.state_machine.asl_lint.machine import Json, Machine

__all__ = ["RULES", "Finding", "lint", "load", "placeholders"]
# The rules register when their modules are imported; a machine that is no machine is not worth the others.
GROUPS = (structure, choices, integrations, waits, errors, references, house)
FIRST = "states-are-objects"


def lint(
    definition: Json,
    *,
    input_fields: Collection[str] = (),
    custom_errors: Collection[str] = (),
    results: Mapping[str, Collection[str]] | None = None,
) -> list[Finding]:
    """Everything that is wrong with a definition, in the order of the document, then of the rules.

    `input_fields` are the fields that every execution is started with; `custom_errors` the names of the
    errors that our own functions and callbacks raise; `results` the fields that a Task, named by its state,
    answers with, where the services' models cannot know them.
    """
    machine = Machine(definition, frozenset(input_fields), frozenset(custom_errors), results or {})
    if unknown := machine.results.keys() - {state.name for state in machine.states}:
        raise ValueError(f"results are promised for no state: {sorted(unknown)}")
    rules = {FIRST: RULES[FIRST]} if any(RULES[FIRST](machine)) else RULES
    places = {state.path: i for i, state in enumerate(machine.states)}
    found = [
        (
            places[flaw.state.path] if flaw.state else -1,
            Finding(name, flaw.state.name if flaw.state else None, flaw.path, flaw.message),
        )
        for name, check in rules.items()
        for flaw in check(machine)
    ]
    return [finding for _, finding in sorted(found, key=lambda pair: pair[0])]


def load(text: str) -> Json:
    """Read a definition; raises ValueError for a name that stands twice in one object: JSON hides that."""
    definition = json.loads(text, object_pairs_hook=_no_twins)
    if not isinstance(definition, dict):
        raise ValueError("a definition is an object")
    return definition


def _no_twins(pairs: list[tuple[str, Any]]) -> Json:
    names = [name for name, _ in pairs]
    if twins := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"stands twice in one object: {sorted(twins)}")
    return dict(pairs)
