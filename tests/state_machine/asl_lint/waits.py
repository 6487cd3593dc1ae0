"""Rules: nothing waits for ever, and whoever is waited for holds the token."""

from collections.abc import Iterator
from typing import Any

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Machine, State, objects
from tests.state_machine.asl_lint.paths import Path, UnreadableError, parse_value, paths_in
from tests.state_machine.asl_lint.vocabulary import is_a

TOKEN = Path("$$", ("Task", "Token"), True)
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")


@rule
def task_has_a_timeout(machine: Machine) -> Iterator[Flaw]:
    """Without a timeout a Task waits up to a year for an answer that was lost; with two it is refused."""
    for task in machine.tasks:
        given = {"TimeoutSeconds", "TimeoutSecondsPath"} & task.body.keys()
        if not given:
            yield flaw(task, "a Task needs TimeoutSeconds or TimeoutSecondsPath")
        elif len(given) > 1:
            yield flaw(task, "has both TimeoutSeconds and TimeoutSecondsPath", "TimeoutSeconds")


@rule
def heartbeat_is_shorter_than_timeout(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a heartbeat that is not shorter than the timeout, and one given twice."""
    for task in machine.tasks:
        beat, timeout = task.body.get("HeartbeatSeconds"), task.body.get("TimeoutSeconds")
        if is_a(beat, (int,)) and is_a(timeout, (int,)) and task.body["HeartbeatSeconds"] >= timeout:
            yield flaw(task, f"the heartbeat of {beat} s is not shorter than {timeout} s", "HeartbeatSeconds")
        if {"HeartbeatSeconds", "HeartbeatSecondsPath"} <= task.body.keys():
            yield flaw(task, "has both HeartbeatSeconds and HeartbeatSecondsPath", "HeartbeatSeconds")


@rule
def callback_passes_its_token(machine: Machine) -> Iterator[Flaw]:
    """A callback whose token goes nowhere can be answered by nobody and always times out."""
    for task in machine.tasks:
        if task.is_callback and not any(tokens(task.body.get("Parameters"))):
            yield flaw(task, "waits for a task token, and passes $$.Task.Token to nobody", "Parameters")


@rule
def token_belongs_to_a_callback(machine: Machine) -> Iterator[Flaw]:
    """$$.Task.Token exists in callbacks only; anywhere else it fails the execution with States.Runtime."""
    for state in machine.states:
        if not state.is_callback:
            for place in tokens(state.body):
                yield flaw(state, "$$.Task.Token exists only in a .waitForTaskToken task", *place)


@rule
def callback_catches_its_timeouts(machine: Machine) -> Iterator[Flaw]:
    """A wait that nobody answers must lead somewhere, and States.TaskFailed does not match States.Timeout."""
    for task in machine.tasks:
        if task.is_callback:
            caught = {name for _, catcher in objects(task.body.get("Catch")) for name in names_of(catcher)}
            for name in TIMEOUTS:
                if name not in caught:
                    yield flaw(task, f"no catcher names {name}", "Catch")


def names_of(entry: dict[str, Any]) -> list[str]:
    """The error names of a retrier or a catcher."""
    listed = entry.get("ErrorEquals")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def tokens(value: Any, *place: str | int) -> Iterator[tuple[str | int, ...]]:
    """The places in a state, nested machines aside, where the task token is read."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("Branches", "ItemProcessor", "Iterator"):
                yield from tokens(inner, *place, name)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from tokens(inner, *place, i)
    elif isinstance(value, str) and place and _is_read(str(place[-1])) and reads_token(value):
        yield place


def reads_token(text: str) -> bool:
    """Whether a path or a function reads the task token; the whole Task object holds it too."""
    try:
        read = paths_in(parse_value(text))
    except UnreadableError:
        return False
    return any(path.root == "$$" and path.steps[:2] == TOKEN.steps for path in read)


def _is_read(name: str) -> bool:
    return name.endswith((".$", "Path", "Variable"))


def is_waiting(state: State) -> bool:
    """Whether a loop through this state takes time: a Wait, or a task that waits for somebody."""
    return state.type == "Wait" or state.is_callback
