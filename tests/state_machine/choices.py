"""A reader of Choice states, as small as the rules that the definition uses; any other rule is an error."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": operator.eq,
    "BooleanEquals": operator.is_,
    "NumericLessThan": operator.lt,
}


def follow(state: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The state that a Choice leads to, for the document of an execution."""
    for rule in state["Choices"]:
        if _holds({key: value for key, value in rule.items() if key != "Next"}, document):
            return str(rule["Next"])
    return str(state["Default"])


def literals(state: Mapping[str, Any]) -> set[Any]:
    """The constants that a Choice compares with."""
    names = COMPARISONS.keys()
    return {value for rule in state["Choices"] for key, value in rule.items() if key in names}


def _holds(rule: dict[str, Any], document: Mapping[str, Any]) -> bool:
    value = _at(rule.pop("Variable"), document)
    ((name, wanted),) = rule.items()
    if name.endswith("Path"):
        name, wanted = name.removesuffix("Path"), _at(wanted, document)
    if type(value) is not type(wanted) and not {type(value), type(wanted)} <= {int, float}:
        return False
    return COMPARISONS[name](value, wanted)


def _at(path: str, document: Any) -> Any:
    start, *names = path.split(".")
    assert start == "$"
    for name in names:
        document = document[name]
    return document
