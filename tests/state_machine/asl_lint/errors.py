"""Rules for Retry and Catch: each named error can occur and reaches its entry."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.integrations import service_calls
from tests.state_machine.asl_lint.machine import Json, Machine, State, objects
from tests.state_machine.asl_lint.optimized_integrations import FUNCTION_CRASHES
from tests.state_machine.asl_lint.services import ServiceCall, parse_resource
from tests.state_machine.asl_lint.waits import names_of

Place = tuple[str | int, ...]
RESERVED = frozenset(
    f"States.{name}"
    for name in (
        "ALL",
        "BranchFailed",
        "DataLimitExceeded",
        "ExceedToleratedFailureThreshold",
        "HeartbeatTimeout",
        "Http.Socket",
        "IntrinsicFailure",
        "ItemReaderFailed",
        "NoChoiceMatched",
        "ParameterPathFailure",
        "Permissions",
        "ResultPathMatchFailure",
        "ResultWriterFailed",
        "Runtime",
        "TaskFailed",
        "Timeout",
    )
)
ERROR_SOURCES = {
    "States.BranchFailed": ("Parallel",),
    "States.ExceedToleratedFailureThreshold": ("Map",),
    "States.ItemReaderFailed": ("Map",),
    "States.ResultWriterFailed": ("Map",),
    "States.NoChoiceMatched": ("Parallel", "Map"),
    "States.HeartbeatTimeout": ("Task", "Parallel", "Map"),
    "States.Permissions": ("Task", "Parallel", "Map"),
}
NOT_MATCHED_BY_ALL = frozenset({"States.DataLimitExceeded", "States.Runtime"})
NOT_MATCHED_BY_TASK_FAILED = NOT_MATCHED_BY_ALL | {"States.ALL", "States.Timeout"}


def entries(machine: Machine) -> Iterator[tuple[State, Place, Json]]:
    """Yield every retrier and every catcher."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            for i, entry in objects(state.body.get(group)):
                yield state, (group, i), entry


def names(machine: Machine) -> Iterator[tuple[State, Place, str]]:
    """Yield every error name that is retried or caught."""
    for state, place, entry in entries(machine):
        for i, name in enumerate(names_of(entry)):
            yield state, (*place, "ErrorEquals", i), name


@rule
def errors_are_named(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a retrier or catcher whose ErrorEquals is not a list of names."""
    for state, place, entry in entries(machine):
        listed = entry.get("ErrorEquals")
        if not listed or not isinstance(listed, list) or len(names_of(entry)) < len(listed):
            yield violation(state, "ErrorEquals must be a list of error names", *place)


@rule
def reserved_error_exists(machine: Machine) -> Iterator[Violation]:
    """Names that start with States. are reserved. CreateStateMachine refuses unknown ones."""
    for state, place, name in names(machine):
        if name.startswith("States.") and name not in RESERVED:
            yield violation(state, f"{name} is not an error of Step Functions", *place)


@rule
def reserved_error_can_occur(machine: Machine) -> Iterator[Violation]:
    """States.Runtime always ends the execution, and some errors occur only in a Parallel or a Map."""
    for state, place, name in names(machine):
        if name == "States.Runtime":
            yield violation(state, "States.Runtime can be neither retried nor caught", *place)
        elif state.type not in ERROR_SOURCES.get(name, (state.type,)):
            yield violation(state, f"{name} does not occur in a {state.type}", *place)


@rule
def service_error_exists(machine: Machine) -> Iterator[Violation]:
    """A misspelt error name, or one of another service, never matches."""
    for task, place, name in _service_error_names(machine):
        call = parse_resource(task.body.get("Resource"))
        if call and call.model and "." in name and name not in _possible_errors(call):
            yield violation(task, f"{name} does not come from {call.error_prefix}", *place)


@rule
def custom_error_is_declared(machine: Machine) -> Iterator[Violation]:
    """A retry or catch of an exception that no function raises never applies."""
    for task, place, name in _service_error_names(machine):
        call = parse_resource(task.body.get("Resource"))
        declared = name in machine.custom_errors
        if call and declared and not call.runs_our_code:
            yield violation(
                task, f"{name} cannot come from {call.service}: only our own code raises it", *place
            )
        elif not declared and "." not in name:
            yield violation(task, f"no function declares the error {name!r}", *place)


@rule
def states_all_is_alone(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses States.ALL beside another name."""
    for state, place, entry in entries(machine):
        if "States.ALL" in names_of(entry) and len(names_of(entry)) > 1:
            yield violation(state, "States.ALL must be the only name in its ErrorEquals", *place)


@rule
def states_all_is_last(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses States.ALL before another entry, which would never apply."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            listed = objects(state.body.get(group))
            for i, entry in listed[:-1]:
                if "States.ALL" in names_of(entry):
                    yield violation(state, "States.ALL must be in the last entry", group, i)


@rule
def error_is_not_shadowed(machine: Machine) -> Iterator[Violation]:
    """The first matching entry wins, and States.TaskFailed matches every name except States.Timeout."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            earlier: set[str] = set()
            for i, entry in objects(state.body.get(group)):
                for j, name in enumerate(names_of(entry)):
                    if "States.TaskFailed" in earlier - {name} and name not in NOT_MATCHED_BY_TASK_FAILED:
                        yield violation(
                            state, f"an earlier States.TaskFailed matches {name}", group, i, "ErrorEquals", j
                        )
                earlier |= set(names_of(entry))


@rule
def error_name_is_unique(machine: Machine) -> Iterator[Violation]:
    """A second entry with the same name is never reached."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            seen: set[str] = set()
            for i, entry in objects(state.body.get(group)):
                for j, name in enumerate(names_of(entry)):
                    if name in seen:
                        yield violation(state, f"an earlier entry names {name}", group, i, "ErrorEquals", j)
                    seen.add(name)


@rule
def task_is_retried(machine: Machine) -> Iterator[Violation]:
    """Without Retry a transient error of a service fails the execution."""
    for task in machine.tasks:
        if task.body.get("Retry", []) == []:
            yield violation(task, "a Task needs a Retry for transient errors")


@rule
def retry_numbers_are_valid(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses an interval below 1, a rate below 1, or a cap below the interval."""
    for state, place, retrier in entries(machine):
        if place[0] != "Retry":
            continue
        for name, kinds, minimum in (
            ("IntervalSeconds", (int,), 1),
            ("MaxAttempts", (int,), 0),
            ("BackoffRate", (int, float), 1),
            ("MaxDelaySeconds", (int,), 1),
        ):
            value = retrier.get(name, minimum)
            if isinstance(value, bool) or not isinstance(value, kinds) or value < minimum:
                yield violation(state, f"{name} must be at least {minimum}, not {value!r}", *place, name)
        interval, max_delay = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds")
        if isinstance(interval, int) and isinstance(max_delay, int) and max_delay <= interval:
            yield violation(
                state, f"MaxDelaySeconds must exceed the interval of {interval}", *place, "MaxDelaySeconds"
            )


@rule
def retry_is_jittered(machine: Machine) -> Iterator[Violation]:
    """Without full jitter all throttled calls are retried at the same moment."""
    for state, place, retrier in entries(machine):
        is_retried = place[0] == "Retry" and retrier.get("MaxAttempts") != 0
        if is_retried and retrier.get("JitterStrategy") != "FULL":
            yield violation(state, "JitterStrategy must be FULL", *place)


def _service_error_names(machine: Machine) -> Iterator[tuple[State, Place, str]]:
    """Yield the error names of Tasks that come from a service or our own code."""
    called = {task for task, _ in service_calls(machine)}
    for state, place, name in names(machine):
        if state in called and not name.startswith("States.") and not _is_declared_dotted(machine, name):
            yield state, place, name


def _is_declared_dotted(machine: Machine, name: str) -> bool:
    return "." in name and name in machine.custom_errors


def _possible_errors(call: ServiceCall) -> frozenset[str]:
    crashes = FUNCTION_CRASHES if call.runs_our_code and call.error_prefix == "Lambda" else frozenset()
    return call.error_names() | crashes
