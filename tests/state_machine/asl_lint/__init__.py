"""A lint for Amazon States Language with JSONPath: definitions that AWS refuses, never reaches or fails on.

Emulators and common validators accept most of these mistakes. Each rule is a small function in the registry
`RULES`. Its docstring explains its effect on AWS.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from tests.state_machine.asl_lint import (
    choices,
    errors,
    integrations,
    project_rules,
    references,
    structure,
    waits,
)
from tests.state_machine.asl_lint.findings import RULES, Finding
from tests.state_machine.asl_lint.machine import Json, Machine
from tests.state_machine.asl_lint.project_rules import placeholders

__all__ = ["RULES", "Finding", "lint", "load", "placeholders"]
# The rules register when their modules are imported. The first rule must hold before the others can run.
RULE_MODULES = (structure, choices, integrations, waits, errors, references, project_rules)
FIRST_RULE = "states-are-objects"


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
    rules = {FIRST_RULE: RULES[FIRST_RULE]} if any(RULES[FIRST_RULE](machine)) else RULES
    positions = {state.path: i for i, state in enumerate(machine.states)}
    findings = [
        (
            positions[violation.state.path] if violation.state else -1,
            Finding(
                name, violation.state.name if violation.state else None, violation.path, violation.message
            ),
        )
        for name, check in rules.items()
        for violation in check(machine)
    ]
    return [finding for _, finding in sorted(findings, key=lambda pair: pair[0])]


def load(text: str) -> Json:
    """Parse a definition. Raise ValueError for a duplicate name in an object, which `json.loads` accepts."""
    definition = json.loads(text, object_pairs_hook=_reject_duplicates)
    if not isinstance(definition, dict):
        raise ValueError("a definition is an object")
    return definition


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    names = [name for name, _ in pairs]
    if duplicates := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"duplicate names in one object: {sorted(duplicates)}")
    return dict(pairs)
