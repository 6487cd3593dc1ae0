"""Rules for paths: each one is a reference where it must be, and refers to existing data."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.documents import TEMPLATES, Fields, compute_documents, document_reads, find
from tests.state_machine.asl_lint.machine import Finding, Machine, finding, rule, walk

EXECUTION = ("Id", "Name", "RedriveCount", "RedriveTime", "RoleArn", "StartTime")
CONTEXT: dict[str, Fields] = {
    "State": dict.fromkeys(("EnteredTime", "Name", "RetryCount")),
    "StateMachine": dict.fromkeys(("Id", "Name")),
    "Task": dict.fromkeys(("Token",)),
}


@rule
def path_is_a_reference(machine: Machine) -> Iterator[Finding]:
    """A …Path or a Variable selects one node. Other paths are refused, or fail at run time."""
    for read in document_reads(machine):
        if read.place[0] not in TEMPLATES and not read.path.is_reference:
            yield finding(read.state, f"{read.place[-1]} must be a reference path", *read.place)
    for state in machine.states:
        for place, value in walk(state.body):
            if place and place[-1] == "ResultPath" and ".." in str(value):
                yield finding(state, "ResultPath must be a reference path", *place)


@rule
def context_path_exists(machine: Machine) -> Iterator[Finding]:
    """A `$$` path that the context object or the execution's input lacks fails with States.Runtime."""
    execution: Fields = {**dict.fromkeys(EXECUTION), "Input": dict.fromkeys(machine.input_fields)}
    for read in document_reads(machine):
        if read.path.root == "$$" and not find({**CONTEXT, "Execution": execution}, read.path.steps)[0]:
            text = ".".join(map(str, read.path.steps))
            yield finding(read.state, f"the context object has no {text}", *read.place)


@rule
def field_is_produced(machine: Machine) -> Iterator[Finding]:
    """A path to a field that is missing on some path to the state fails with States.Runtime."""
    documents = compute_documents(machine)
    for read in document_reads(machine):
        if read.path.root != "$" or read.state.name not in documents:
            continue
        there = documents[read.state.name]
        source = there.result if read.place[0] == "ResultSelector" else there.before
        if not find(source, read.path.steps)[0]:
            name = "$." + ".".join(map(str, read.path.steps))
            yield finding(read.state, f"{name} does not exist on every path to this place", *read.place)


@rule
def path_has_the_suffix(machine: Machine) -> Iterator[Finding]:
    """Without `.$` in the field name a path is sent unchanged, as a string."""
    for state in machine.states:
        for place, value in walk({name: state.body[name] for name in TEMPLATES if name in state.body}):
            name = str(place[-1]) if place else ""
            if isinstance(value, str) and value.startswith(("$.", "$$.", "$[", "States.")):
                if not name.endswith(".$"):
                    yield finding(state, f"{value!r} is sent unchanged: write {name}.$", *place)
            elif isinstance(value, dict):
                for both in sorted(value.keys() & {f"{other}.$" for other in value}):
                    yield finding(state, f"both {both.removesuffix('.$')} and {both} are given", *place, both)
