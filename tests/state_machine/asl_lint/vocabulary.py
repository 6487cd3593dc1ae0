"""Amazon States Language in tables: which fields a state may have, and what may stand in them."""

from typing import Any

MACHINE_FIELDS = frozenset({"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"})
SCOPE_FIELDS = frozenset({"Comment", "StartAt", "States", "ProcessorConfig", "QueryLanguage"})

_ANY = {"Type", "Comment", "QueryLanguage"}
_PATHS = {"InputPath", "OutputPath"}
_GOES_ON = {"Next", "End", "Assign"}
_WORKS = {"ResultPath", "ResultSelector", "Retry", "Catch"}

STATE_FIELDS: dict[str, frozenset[str]] = {
    "Task": frozenset(
        _ANY | _PATHS | _GOES_ON | _WORKS
        | {"Resource", "Parameters", "Credentials"}
        | {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
    ),
    "Pass": frozenset(_ANY | _PATHS | _GOES_ON | {"Result", "ResultPath", "Parameters"}),
    "Choice": frozenset(_ANY | _PATHS | {"Choices", "Default", "Assign"}),
    "Wait": frozenset(
        _ANY | _PATHS | _GOES_ON | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
    ),
    "Succeed": frozenset(_ANY | _PATHS),
    "Fail": frozenset(_ANY | {"Error", "ErrorPath", "Cause", "CausePath"}),
    "Parallel": frozenset(_ANY | _PATHS | _GOES_ON | _WORKS | {"Branches", "Parameters"}),
    "Map": frozenset(
        _ANY | _PATHS | _GOES_ON | _WORKS
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
LONGEST_WAIT = 99_999_999

LOGIC = frozenset({"And", "Or", "Not"})
TESTS = frozenset({"IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"})
_ORDERED = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_OPERANDS: dict[str, tuple[tuple[str, ...], tuple[type, ...]]] = {
    "String": (_ORDERED, (str,)),
    "Numeric": (_ORDERED, (int, float)),
    "Timestamp": (_ORDERED, (str,)),
    "Boolean": (("Equals",), (bool,)),
}
COMPARISONS: dict[str, tuple[type, ...]] = {
    **{f"{kind}{test}": types for kind, (tests, types) in _OPERANDS.items() for test in tests},
    **dict.fromkeys(TESTS, (bool,)),
    "StringMatches": (str,),
}
PATH_COMPARISONS = frozenset(
    f"{kind}{test}Path" for kind, (tests, _) in _OPERANDS.items() for test in tests
)  # fmt: skip
CHOICE_FIELDS = frozenset({"Variable", "Next", "Comment", "Assign"})

_NAMES = {bool: "true or false", str: "a string", int: "a whole number", float: "a number", list: "a list"}


def is_a(value: Any, types: tuple[type, ...]) -> bool:
    """Whether a JSON value has one of the types; true and false are no numbers."""
    return isinstance(value, types) and (not isinstance(value, bool) or bool in types)


def called(types: tuple[type, ...]) -> str:
    """The types in words."""
    return " or ".join(_NAMES.get(kind, "null" if kind is type(None) else "an object") for kind in types)
