"""A lint for the state machine: statelint for the structure, and rules for what AWS refuses or never reaches.

Emulators and common validators accept most of these mistakes. Each rule is a small function in the registry
`RULES`. Its docstring explains its effect on AWS.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from tests.state_machine.asl_lint import errors, integrations, project_rules, references, structure, waits
from tests.state_machine.asl_lint.machine import RULES, Finding, Json, Machine
from tests.state_machine.asl_lint.project_rules import placeholders

__all__ = ["RULES", "Finding", "lint", "load", "placeholders"]
# The rules register when their modules are imported.
RULE_MODULES = (structure, integrations, waits, errors, references, project_rules)
# If one of these finds something, the others do not run: they may expect a well-formed definition.
FIRST_RULES = ("definition-is-well-formed", "language-is-the-subset", "language-is-valid")


def lint(
    definition: Json,
    *,
    input_fields: Collection[str] = (),
    custom_errors: Collection[str] = (),
    results: Mapping[str, Collection[str]] | None = None,
) -> list[Finding]:
    """Return all findings in a definition, in document order, then in rule order.

    `input_fields` are the input fields of every execution. `custom_errors` are the error names that our
    functions and callbacks raise. `results` maps a Task's state to the fields of its result, for results that
    the service models do not describe.
    """
    machine = Machine(definition, frozenset(input_fields), frozenset(custom_errors), results or {})
    if unknown := machine.results.keys() - {state.name for state in machine.states}:
        raise ValueError(f"no state has these names: {sorted(unknown)}")
    for name in FIRST_RULES:
        if findings := _run(name, machine):
            return findings
    position: dict[str | None, int] = {state.name: i for i, state in enumerate(machine.states)}
    others = [finding for name in RULES if name not in FIRST_RULES for finding in _run(name, machine)]
    return sorted(others, key=lambda finding: position.get(finding.state, -1))


def _run(name: str, machine: Machine) -> list[Finding]:
    return [replace(finding, rule=name) for finding in RULES[name](machine)]


def load(text: str) -> Json:
    """Parse a definition. Raise ValueError for a duplicate name in an object, which `json.loads` accepts."""

    def reject_duplicates(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        if duplicates := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"duplicate names in one object: {sorted(duplicates)}")
        return dict(pairs)

    definition: Json = json.loads(text, object_pairs_hook=reject_duplicates)
    return definition
