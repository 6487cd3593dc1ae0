"""Rules: every path and every function inside a string can be read, and finds what it asks for."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.documents import documents_of, find
from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Machine, objects
from tests.state_machine.asl_lint.paths import Call, Path, UnreadableError, parse_value
from tests.state_machine.asl_lint.templates import (
    REFERENCE_FIELDS,
    at,
    calls,
    literals,
    objects_in_templates,
    paths,
    quietly,
    uses,
)

CONTEXT = {
    "Execution": {"Id", "Input", "Name", "RedriveCount", "RedriveTime", "RoleArn", "StartTime"},
    "State": {"EnteredTime", "Name", "RetryCount"},
    "StateMachine": {"Id", "Name"},
    "Task": {"Token"},
    "Map": {"Item"},
}
ARITY: dict[str, tuple[int, int | None]] = {
    "Array": (0, None),
    "ArrayContains": (2, 2),
    "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1),
    "ArrayPartition": (2, 2),
    "ArrayRange": (3, 3),
    "ArrayUnique": (1, 1),
    "Base64Decode": (1, 1),
    "Base64Encode": (1, 1),
    "Format": (1, None),
    "Hash": (2, 2),
    "JsonMerge": (3, 3),
    "JsonToString": (1, 1),
    "MathAdd": (2, 2),
    "MathRandom": (2, 3),
    "StringSplit": (2, 2),
    "StringToJson": (1, 1),
    "UUID": (0, 0),
}


@rule
def value_can_be_read(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses a `.$` value that is neither a path nor an intrinsic function."""
    for use in uses(machine):
        try:
            if not isinstance(use.text, str):
                raise UnreadableError(f"must be a path or an intrinsic function, not {use.text!r}")
            parse_value(use.text)
        except UnreadableError as wrong:
            yield flaw(use.state, str(wrong), *use.place)


@rule
def path_is_a_reference(machine: Machine) -> Iterator[Flaw]:
    """A ResultPath or a …SecondsPath names one node of the document: no wildcard, no filter, no context."""
    for state in machine.states:
        caught = [("Catch", i, "ResultPath") for i, _ in objects(state.body.get("Catch"))]
        for place in [("ResultPath",), *caught]:
            text = at(state.body, place)
            if isinstance(text, str) and not _is_reference(quietly(text), "$"):
                yield flaw(state, f"ResultPath must be a reference path, not {text!r}", *place)
    for use in uses(machine):
        parsed = use.parsed() if use.place[-1] in REFERENCE_FIELDS else None
        if parsed and not _is_reference(parsed, "$", "$$"):
            yield flaw(use.state, f"{use.place[-1]} must be a reference path, not {use.text!r}", *use.place)


@rule
def function_exists(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses an intrinsic function that it does not know; names are case-sensitive."""
    for use, call in calls(machine):
        if call.name.removeprefix("States.") not in ARITY or not call.name.startswith("States."):
            yield flaw(use.state, f"there is no function {call.name}", *use.place)


@rule
def function_has_its_arguments(machine: Machine) -> Iterator[Flaw]:
    """A wrong number of arguments fails the execution with States.IntrinsicFailure, at the first run only."""
    for use, call in calls(machine):
        least, most = ARITY.get(call.name.removeprefix("States."), (0, None))
        count = len(call.arguments)
        if count < least or (most is not None and count > most):
            wanted = f"{least}" if least == most else f"{least} to {most}" if most else f"at least {least}"
            yield flaw(use.state, f"{call.name} takes {wanted} arguments, not {count}", *use.place)
        elif call.name == "States.Format" and isinstance(call.arguments[0], str):
            holes = call.arguments[0].replace(r"\{", "").count("{}")
            if holes != count - 1:
                yield flaw(use.state, f"the format has {holes} {{}} for {count - 1} values", *use.place)


@rule
def context_path_exists(machine: Machine) -> Iterator[Flaw]:
    """A `$$` path that the context object does not have fails the execution with States.Runtime."""
    for use, path in paths(machine):
        if path.root == "$$" and path.steps and not _is_context(path):
            yield flaw(use.state, f"the context object has no {'.'.join(map(str, path.steps))}", *use.place)


@rule
def input_field_is_given(machine: Machine) -> Iterator[Flaw]:
    """`$$.Execution.Input` holds what StartExecution was given: another field fails with States.Runtime."""
    for use, path in paths(machine):
        is_input = path.root == "$$" and path.steps[:2] == ("Execution", "Input")
        name = path.steps[2:3]
        if is_input and not machine.input_fields.issuperset(name):
            yield flaw(use.state, f"the execution's input has no field {name[0]!r}", *use.place)


@rule
def field_is_produced(machine: Machine) -> Iterator[Flaw]:
    """A path to a field that some way here has not produced fails the execution with States.Runtime."""
    documents = documents_of(machine)
    for use, path in paths(machine):
        if path.root != "$" or use.state not in documents or use.may_be_absent:
            continue
        if not find(use.stage(documents[use.state]), path.steps)[0]:
            name = "$." + ".".join(map(str, path.steps))
            yield flaw(use.state, f"{name} is not there on every way to this place", *use.place)


@rule
def path_has_its_suffix(machine: Machine) -> Iterator[Flaw]:
    """Without `.$` behind the name a path is sent as it stands: as a string with a dollar sign."""
    for use_place, state, name, value in literals(machine):
        if isinstance(value, str) and value.startswith(("$.", "$$.", "$[", "States.")) and _reads(value):
            yield flaw(state, f"{value!r} is sent as it stands: write {name}.$", *use_place)


@rule
def name_stands_once(machine: Machine) -> Iterator[Flaw]:
    """CreateStateMachine refuses an object in which a name stands both with and without `.$`."""
    for state in machine.states:
        for place, value in objects_in_templates(state):
            for name in sorted(value):
                if f"{name}.$" in value:
                    yield flaw(state, f"both {name} and {name}.$ are given", *place, name)


def _is_context(path: Path) -> bool:
    first, *rest = path.steps
    if first not in CONTEXT:
        return False
    if not rest or (first, rest[0]) == ("Execution", "Input"):
        return True
    if (first, rest[0]) == ("Map", "Item"):
        return len(rest) == 1 or rest[1] in ("Index", "Value", "Key", "Source")
    return rest[0] in CONTEXT[str(first)] and len(rest) == 1


def _is_reference(value: Path | Call | None, *roots: str) -> bool:
    return isinstance(value, Path) and value.is_reference and value.root in roots


def _reads(text: str) -> bool:
    try:
        return bool(parse_value(text))
    except UnreadableError:
        return False
