"""Rules: every error that is retried or caught can occur, and gets as far as the entry that names it."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.integrations import calls
from tests.state_machine.asl_lint.machine import Json, Machine, State, objects
from tests.state_machine.asl_lint.optimised import FUNCTION_CRASHES
from tests.state_machine.asl_lint.services import Call, parse_resource
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
ELSEWHERE = {
    "States.BranchFailed": ("Parallel",),
    "States.ExceedToleratedFailureThreshold": ("Map",),
    "States.ItemReaderFailed": ("Map",),
    "States.ResultWriterFailed": ("Map",),
    "States.NoChoiceMatched": ("Parallel", "Map"),
    "States.HeartbeatTimeout": ("Task", "Parallel", "Map"),
    "States.Permissions": ("Task", "Parallel", "Map"),
}
BEYOND_ALL = frozenset({"States.DataLimitExceeded", "States.Runtime"})
BEYOND_TASK_FAILED = BEYOND_ALL | {"States.ALL", "States.Timeout"}


def entries(machine: Machine) -> Iterator[tuple[State, Place, Json]]:
    """Every retrier and every catcher."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            for i, entry in objects(state.body.get(group)):
                yield state, (group, i), entry


def names(machine: Machine) -> Iterator[tuple[State, Place, str]]:
    """Every error name that is retried or caught."""
    for state, place, entry in entries(machine):
        for i, name in enumerate(names_of(entry)):
            yield state, (*place, "ErrorEquals", i), name


@rule
def errors_are_named(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a retrier or catcher whose ErrorEquals is not a list of names."""
    for state, place, entry in entries(machine):
        listed = entry.get("ErrorEquals")
        if not listed or not isinstance(listed, list) or len(names_of(entry)) < len(listed):
            yield flaw(state, "ErrorEquals must be a list of error names", *place)


@rule
def reserved_error_exists(machine: Machine) -> Iterator[Flaw]:
    """Names that start with States. are AWS's own; CreateStateMachine refuses those that it does not know."""
    for state, place, name in names(machine):
        if name.startswith("States.") and name not in RESERVED:
            yield flaw(state, f"{name} is no error of Step Functions", *place)


@rule
def reserved_error_can_occur(machine: Machine) -> Iterator[Flaw]:
    """States.Runtime always ends the execution, and some errors come only from a Parallel or a Map."""
    for state, place, name in names(machine):
        if name == "States.Runtime":
            yield flaw(state, "States.Runtime can be neither retried nor caught", *place)
        elif state.type not in ELSEWHERE.get(name, (state.type,)):
            yield flaw(state, f"{name} does not come from a {state.type}", *place)


@rule
def service_error_exists(machine: Machine) -> Iterator[Flaw]:
    """An error name is compared letter by letter: a misspelt one, or another service's, never matches."""
    for task, place, name in _foreign(machine):
        call = parse_resource(task.body.get("Resource"))
        if call and call.model and "." in name and name not in _possible(call):
            yield flaw(task, f"{name} does not come from {call.error_prefix}", *place)


@rule
def custom_error_is_declared(machine: Machine) -> Iterator[Flaw]:
    """An exception's class name that no function raises is a retry or a catch that never happens."""
    for task, place, name in _foreign(machine):
        call = parse_resource(task.body.get("Resource"))
        declared = name in machine.custom_errors
        if call and declared and not call.runs_our_code:
            yield flaw(task, f"{name} cannot come from {call.service}: only our own code raises it", *place)
        elif not declared and "." not in name:
            yield flaw(task, f"no function declares the error {name!r}", *place)


@rule
def all_errors_stand_alone(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses States.ALL beside another name."""
    for state, place, entry in entries(machine):
        if "States.ALL" in names_of(entry) and len(names_of(entry)) > 1:
            yield flaw(state, "States.ALL must stand alone in its ErrorEquals", *place)


@rule
def all_errors_come_last(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses States.ALL before another entry: nothing would come to what follows."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            listed = objects(state.body.get(group))
            for i, entry in listed[:-1]:
                if "States.ALL" in names_of(entry):
                    yield flaw(state, "States.ALL must be in the last entry", group, i)


@rule
def error_is_not_shadowed(machine: Machine) -> Iterator[Flaw]:
    """The first entry that matches wins, and States.TaskFailed matches every name but States.Timeout."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            earlier: set[str] = set()
            for i, entry in objects(state.body.get(group)):
                for j, name in enumerate(names_of(entry)):
                    if "States.TaskFailed" in earlier - {name} and name not in BEYOND_TASK_FAILED:
                        yield flaw(
                            state, f"States.TaskFailed takes {name} before", group, i, "ErrorEquals", j
                        )
                earlier |= set(names_of(entry))


@rule
def error_is_named_once(machine: Machine) -> Iterator[Flaw]:
    """A second entry with the same name is never reached: its waits and its target are fiction."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            seen: set[str] = set()
            for i, entry in objects(state.body.get(group)):
                for j, name in enumerate(names_of(entry)):
                    if name in seen:
                        yield flaw(state, f"{name} is named before", group, i, "ErrorEquals", j)
                    seen.add(name)


@rule
def task_is_retried(machine: Machine) -> Iterator[Flaw]:
    """Every service answers with a passing error now and then: without Retry it fails the execution."""
    for task in machine.tasks:
        if task.body.get("Retry", []) == []:
            yield flaw(task, "a Task needs a Retry for passing errors")


@rule
def retry_numbers_are_possible(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses an interval below 1, a rate below 1, or a cap below the interval."""
    for state, place, retrier in entries(machine):
        if place[0] != "Retry":
            continue
        for name, kinds, least in (
            ("IntervalSeconds", (int,), 1),
            ("MaxAttempts", (int,), 0),
            ("BackoffRate", (int, float), 1),
            ("MaxDelaySeconds", (int,), 1),
        ):
            value = retrier.get(name, least)
            if isinstance(value, bool) or not isinstance(value, kinds) or value < least:
                yield flaw(state, f"{name} must be at least {least}, not {value!r}", *place, name)
        interval, longest = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds")
        if isinstance(interval, int) and isinstance(longest, int) and longest <= interval:
            yield flaw(
                state, f"MaxDelaySeconds must exceed the interval of {interval}", *place, "MaxDelaySeconds"
            )


@rule
def retry_is_jittered(machine: Machine) -> Iterator[Flaw]:
    """Without full jitter everything that one throttling turned away comes back at the same moment."""
    for state, place, retrier in entries(machine):
        if place[0] == "Retry" and retrier.get("JitterStrategy") != "FULL":
            yield flaw(state, "JitterStrategy must be FULL", *place)


def _foreign(machine: Machine) -> Iterator[tuple[State, Place, str]]:
    """The error names of Tasks that are not Step Functions' own."""
    called = {task for task, _ in calls(machine)}
    for state, place, name in names(machine):
        if state in called and not name.startswith("States.") and not _is_declared_dotted(machine, name):
            yield state, place, name


def _is_declared_dotted(machine: Machine, name: str) -> bool:
    return "." in name and name in machine.custom_errors


def _possible(call: Call) -> frozenset[str]:
    crashes = FUNCTION_CRASHES if call.runs_our_code and call.error_prefix == "Lambda" else frozenset()
    return call.error_names() | crashes
