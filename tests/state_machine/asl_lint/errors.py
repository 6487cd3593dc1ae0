"""Rules for Retry and Catch: each named error can occur and reaches its entry."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.machine import Finding, Machine, Place, State, finding, rule
from tests.state_machine.asl_lint.services import parse_resource

# The reserved names that a Task can meet. States.Runtime can be neither retried nor caught.
RESERVED = {
    *("States.ALL", "States.DataLimitExceeded", "States.HeartbeatTimeout", "States.Http.Socket"),
    *("States.ParameterPathFailure", "States.Permissions", "States.ResultPathMatchFailure"),
    *("States.TaskFailed", "States.Timeout"),
}
NOT_MATCHED_BY_TASK_FAILED = {"States.ALL", "States.DataLimitExceeded", "States.Timeout"}


def names(state: State) -> Iterator[tuple[Place, str]]:
    """Yield every error name that is retried or caught, with its place."""
    for group in ("Retry", "Catch"):
        for i, entry in enumerate(state.body.get(group, ())):
            yield from (((group, i, "ErrorEquals", j), name) for j, name in enumerate(entry["ErrorEquals"]))


@rule
def reserved_error_can_occur(machine: Machine) -> Iterator[Finding]:
    """Names that start with States. are reserved. Unknown ones are refused, and others never match a Task."""
    for state in machine.states:
        for place, name in names(state):
            if name.startswith("States.") and name not in RESERVED:
                yield finding(state, f"{name} can be neither retried nor caught here", *place)


@rule
def service_error_exists(machine: Machine) -> Iterator[Finding]:
    """A misspelt error name, one of another service, or one that no function raises never matches."""
    for task in machine.tasks:
        call = parse_resource(task.body.get("Resource"))
        own = machine.custom_errors if call and call.runs_our_code else frozenset()
        for place, name in names(task):
            if call and not name.startswith("States.") and name not in call.errors | own:
                yield finding(task, f"{name} does not come from {task.body['Resource']}", *place)


@rule
def error_reaches_its_entry(machine: Machine) -> Iterator[Finding]:
    """The first matching entry wins, and States.TaskFailed matches every name except States.Timeout."""
    for state in machine.states:
        for group in ("Retry", "Catch"):
            earlier: set[str] = set()
            for i, entry in enumerate(state.body.get(group, ())):
                for j, name in enumerate(entry["ErrorEquals"]):
                    place = (group, i, "ErrorEquals", j)
                    if name in {*earlier, *entry["ErrorEquals"][:j]}:
                        yield finding(state, f"an earlier entry names {name}", *place)
                    elif "States.TaskFailed" in earlier and name not in NOT_MATCHED_BY_TASK_FAILED:
                        yield finding(state, f"an earlier States.TaskFailed matches {name}", *place)
                earlier |= {*entry["ErrorEquals"]}


@rule
def task_is_retried(machine: Machine) -> Iterator[Finding]:
    """Without Retry a transient error of a service fails the execution."""
    for task in machine.tasks:
        if not task.body.get("Retry"):
            yield finding(task, "a Task needs a Retry for transient errors")


@rule
def retry_is_jittered(machine: Machine) -> Iterator[Finding]:
    """Without full jitter all throttled calls are retried at once. Delays that shrink are refused."""
    for task in machine.tasks:
        for i, retrier in enumerate(task.body.get("Retry", ())):
            if retrier.get("MaxAttempts") != 0 and retrier.get("JitterStrategy") != "FULL":
                yield finding(task, "JitterStrategy must be FULL", "Retry", i)
            rate, interval = retrier.get("BackoffRate", 2), retrier.get("IntervalSeconds", 1)
            if not isinstance(rate, int | float) or rate < 1:
                yield finding(task, f"BackoffRate must be at least 1, not {rate!r}", "Retry", i)
            if retrier.get("MaxDelaySeconds", interval + 1) <= interval:
                yield finding(task, f"MaxDelaySeconds must exceed the interval of {interval}", "Retry", i)
