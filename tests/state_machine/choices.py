"""An evaluator of Choice states for the rules that the definition uses. Any other rule is an error."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": operator.eq,
    "BooleanEquals": operator.is_,
    "NumericLessThan": operator.lt,
}


def evaluate_choice(state: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return the next state of a Choice for the document of an execution."""
    for rule in state["Choices"]:
        if _holds({key: value for key, value in rule.items() if key != "Next"}, document):
            return str(rule["Next"])
    return str(state["Default"])


def compared_constants(state: Mapping[str, Any]) -> set[Any]:
    """Return the constants that a Choice compares with."""
    names = COMPARISONS.keys()
    return {value for rule in state["Choices"] for key, value in rule.items() if key in names}


def _holds(rule: dict[str, Any], document: Mapping[str, Any]) -> bool:
    value = _at(rule.pop("Variable"), document)
    ((name, expected),) = rule.items()
    if name.endswith("Path"):
        name, expected = name.removesuffix("Path"), _at(expected, document)
    if type(value) is not type(expected) and not {type(value), type(expected)} <= {int, float}:
        return False
    return COMPARISONS[name](value, expected)


def _at(path: str, document: Any) -> Any:
    start, *names = path.split(".")
    assert start == "$"
    for name in names:
        document = document[name]
    return document
