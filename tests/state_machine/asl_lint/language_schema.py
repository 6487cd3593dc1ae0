"""The schema of Amazon States Language: the fields of each state type and their value types."""

from typing import Any

MACHINE_FIELDS = frozenset({"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"})
SCOPE_FIELDS = frozenset({"Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"})

_COMMON = {"Type", "Comment", "QueryLanguage"}
_PATHS = {"InputPath", "OutputPath"}
_TRANSITION = {"Next", "End", "Assign"}
_RESULT = {"ResultPath", "ResultSelector", "Retry", "Catch"}

STATE_FIELDS: dict[str, frozenset[str]] = {
    "Task": frozenset(
        _COMMON | _PATHS | _TRANSITION | _RESULT
        | {"Resource", "Parameters", "Credentials"}
        | {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
    ),
    "Pass": frozenset(_COMMON | _PATHS | _TRANSITION | {"Result", "ResultPath", "Parameters"}),
    "Choice": frozenset(_COMMON | _PATHS | {"Choices", "Default", "Assign"}),
    "Wait": frozenset(
        _COMMON | _PATHS | _TRANSITION | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
    ),
    "Succeed": frozenset(_COMMON | _PATHS),
    "Fail": frozenset(_COMMON | {"Error", "ErrorPath", "Cause", "CausePath"}),
    "Parallel": frozenset(_COMMON | _PATHS | _TRANSITION | _RESULT | {"Branches", "Parameters"}),
    "Map": frozenset(
        _COMMON | _PATHS | _TRANSITION | _RESULT
        | {"ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "Parameters", "Label"}
        | {"ItemReader", "ItemBatcher", "ResultWriter", "MaxConcurrency", "MaxConcurrencyPath"}
        | {"ToleratedFailureCount", "ToleratedFailureCountPath"}
        | {"ToleratedFailurePercentage", "ToleratedFailurePercentagePath"}
    ),
}  # fmt: skip
JSONATA_FIELDS = frozenset({"Arguments", "Output", "Items"})
RETRIER_FIELDS = frozenset(
    {
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
        "Comment",
    }
)
CATCHER_FIELDS = frozenset({"ErrorEquals", "Next", "ResultPath", "Assign", "Comment"})

FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "Comment": (str,), "Resource": (str,), "Next": (str,), "Default": (str,), "QueryLanguage": (str,),
    "Error": (str,), "Cause": (str,), "ErrorPath": (str,), "CausePath": (str,), "Timestamp": (str,),
    "SecondsPath": (str,), "TimestampPath": (str,),
    "TimeoutSecondsPath": (str,), "HeartbeatSecondsPath": (str,),
    "ItemsPath": (str,), "MaxConcurrencyPath": (str,), "Label": (str,),
    "InputPath": (str, type(None)), "OutputPath": (str, type(None)), "ResultPath": (str, type(None)),
    "TimeoutSeconds": (int,), "HeartbeatSeconds": (int,), "Seconds": (int,), "MaxConcurrency": (int,),
    "End": (bool,), "Choices": (list,), "Retry": (list,), "Catch": (list,), "Branches": (list,),
    "Parameters": (dict,), "ItemSelector": (dict,), "ResultSelector": (dict,),
    "Assign": (dict,), "Credentials": (dict,),
    "ItemProcessor": (dict,), "Iterator": (dict,),
    "ItemReader": (dict,), "ItemBatcher": (dict,), "ResultWriter": (dict,),
}  # fmt: skip
MAX_WAIT_SECONDS = 99_999_999

LOGIC = frozenset({"And", "Or", "Not"})
TYPE_TESTS = frozenset({"IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"})
_ORDERED = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_OPERANDS: dict[str, tuple[tuple[str, ...], tuple[type, ...]]] = {
    "String": (_ORDERED, (str,)),
    "Numeric": (_ORDERED, (int, float)),
    "Timestamp": (_ORDERED, (str,)),
    "Boolean": (("Equals",), (bool,)),
}
COMPARISONS: dict[str, tuple[type, ...]] = {
    **{f"{kind}{test}": types for kind, (tests, types) in _OPERANDS.items() for test in tests},
    **dict.fromkeys(TYPE_TESTS, (bool,)),
    "StringMatches": (str,),
}
PATH_COMPARISONS = frozenset(
    f"{kind}{test}Path" for kind, (tests, _) in _OPERANDS.items() for test in tests
)  # fmt: skip
CHOICE_FIELDS = frozenset({"Variable", "Next", "Comment", "Assign"})

_NAMES = {bool: "true or false", str: "a string", int: "a whole number", float: "a number", list: "a list"}


def has_type(value: Any, types: tuple[type, ...]) -> bool:
    """Return whether a JSON value has one of the types. Booleans are not numbers."""
    return isinstance(value, types) and (not isinstance(value, bool) or bool in types)


def describe_types(types: tuple[type, ...]) -> str:
    """Return the types as text."""
    return " or ".join(_NAMES.get(kind, "null" if kind is type(None) else "an object") for kind in types)
