"""Rules for waits: every wait ends, every callback passes its token, and every loop waits."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.documents import document_reads
from tests.state_machine.asl_lint.errors import names
from tests.state_machine.asl_lint.machine import Finding, Machine, finding, rule

TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")


@rule
def task_has_a_timeout(machine: Machine) -> Iterator[Finding]:
    """Without a timeout a Task waits up to a year for a lost response. A longer heartbeat is refused."""
    for task in machine.tasks:
        if not {"TimeoutSeconds", "TimeoutSecondsPath"} & task.body.keys():
            yield finding(task, "a Task needs TimeoutSeconds or TimeoutSecondsPath")
        beat, timeout = task.body.get("HeartbeatSeconds", 0), task.body.get("TimeoutSeconds")
        if timeout is not None and beat >= timeout:
            message = f"the heartbeat of {beat} s is not shorter than {timeout} s"
            yield finding(task, message, "HeartbeatSeconds")


@rule
def token_is_passed_by_its_callback(machine: Machine) -> Iterator[Finding]:
    """A callback that passes its token nowhere times out. Elsewhere a token fails with States.Runtime."""
    reads = [read for read in document_reads(machine) if read.path.reads_token]
    for read in reads:
        if not read.state.is_callback:
            yield finding(read.state, "the token exists only in a .waitForTaskToken task", *read.place)
    for task in machine.tasks:
        if task.is_callback and task.name not in {read.state.name for read in reads}:
            yield finding(task, "waits for a task token, but does not pass $$.Task.Token", "Parameters")


@rule
def callback_catches_its_timeouts(machine: Machine) -> Iterator[Finding]:
    """An unanswered wait needs a catcher, and States.TaskFailed does not match States.Timeout."""
    for task in machine.tasks:
        caught = {name for place, name in names(task) if place[0] == "Catch"}
        for name in TIMEOUTS if task.is_callback else ():
            if name not in caught:
                yield finding(task, f"no catcher names {name}", "Catch")


@rule
def loop_contains_a_wait(machine: Machine) -> Iterator[Finding]:
    """A loop without a Wait or a callback uses 25,000 events in minutes, and costs money."""
    busy = [state for state in machine.states if state.type != "Wait" and not state.is_callback]
    reachable = {state.name: {edge.target for edge in state.edges()} for state in busy}
    for middle in reachable:
        for targets in reachable.values():
            if middle in targets:
                targets |= reachable[middle]
    reported: set[str] = set()
    for state in busy:
        if state.name in reachable[state.name] - reported:
            loop = [
                name for name in reachable if state.name in reachable[name] and name in reachable[state.name]
            ]
            reported.update(loop)
            yield finding(state, f"no Wait and no callback in the loop of {', '.join(loop)}")
