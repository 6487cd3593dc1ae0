"""Rules for waits: every wait ends, and every callback passes its token."""

from collections.abc import Iterator
from typing import Any

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.language_schema import has_type
from tests.state_machine.asl_lint.machine import Machine, State, objects
from tests.state_machine.asl_lint.paths import ParseError, Path, parse_value, paths_in

TOKEN = Path("$$", ("Task", "Token"), True)
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")


@rule
def task_has_a_timeout(machine: Machine) -> Iterator[Violation]:
    """Without a timeout a Task waits up to a year for a lost response. With two it is refused."""
    for task in machine.tasks:
        timeouts = {"TimeoutSeconds", "TimeoutSecondsPath"} & task.body.keys()
        if not timeouts:
            yield violation(task, "a Task needs TimeoutSeconds or TimeoutSecondsPath")
        elif len(timeouts) > 1:
            yield violation(task, "has both TimeoutSeconds and TimeoutSecondsPath", "TimeoutSeconds")


@rule
def heartbeat_is_shorter_than_timeout(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a heartbeat that is not shorter than the timeout, and two heartbeats."""
    for task in machine.tasks:
        beat, timeout = task.body.get("HeartbeatSeconds"), task.body.get("TimeoutSeconds")
        if has_type(beat, (int,)) and has_type(timeout, (int,)) and task.body["HeartbeatSeconds"] >= timeout:
            yield violation(
                task, f"the heartbeat of {beat} s is not shorter than {timeout} s", "HeartbeatSeconds"
            )
        if {"HeartbeatSeconds", "HeartbeatSecondsPath"} <= task.body.keys():
            yield violation(task, "has both HeartbeatSeconds and HeartbeatSecondsPath", "HeartbeatSeconds")


@rule
def callback_passes_its_token(machine: Machine) -> Iterator[Violation]:
    """A callback that passes its token nowhere always times out."""
    for task in machine.tasks:
        if task.is_callback and not any(tokens(task.body.get("Parameters"))):
            yield violation(task, "waits for a task token, but does not pass $$.Task.Token", "Parameters")


@rule
def token_belongs_to_a_callback(machine: Machine) -> Iterator[Violation]:
    """$$.Task.Token exists in callbacks only. Elsewhere it fails the execution with States.Runtime."""
    for state in machine.states:
        if not state.is_callback:
            for place in tokens(state.body):
                yield violation(state, "$$.Task.Token exists only in a .waitForTaskToken task", *place)


@rule
def callback_catches_its_timeouts(machine: Machine) -> Iterator[Violation]:
    """An unanswered wait needs a catcher, and States.TaskFailed does not match States.Timeout."""
    for task in machine.tasks:
        if task.is_callback:
            caught = {name for _, catcher in objects(task.body.get("Catch")) for name in names_of(catcher)}
            for name in TIMEOUTS:
                if name not in caught:
                    yield violation(task, f"no catcher names {name}", "Catch")


def names_of(entry: dict[str, Any]) -> list[str]:
    """Return the error names of a retrier or a catcher."""
    listed = entry.get("ErrorEquals")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def tokens(value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    """Yield the places in a state, without nested machines, that read the task token."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("Branches", "ItemProcessor", "Iterator"):
                yield from tokens(inner, *place, name)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from tokens(inner, *place, i)
    elif isinstance(value, str) and place and _is_path_field(str(place[-1])) and reads_token(value):
        yield place


def reads_token(text: str) -> bool:
    """Return whether a path or function reads the task token, or the Task object that contains it."""
    try:
        paths = paths_in(parse_value(text))
    except ParseError:
        return False
    return any(path.root == "$$" and path.steps[:2] == TOKEN.steps for path in paths)


def _is_path_field(name: str) -> bool:
    return name.endswith((".$", "Path", "Variable"))


def is_waiting(state: State) -> bool:
    """Return whether a loop through this state waits: in a Wait or a callback."""
    return state.type == "Wait" or state.is_callback
