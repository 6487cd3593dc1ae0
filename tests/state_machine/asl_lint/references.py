"""Rules for paths and intrinsic functions: each one is valid and refers to existing data."""

from collections.abc import Iterator

from tests.state_machine.asl_lint.document_flow import compute_documents, resolve_path
from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.machine import Machine, objects
from tests.state_machine.asl_lint.paths import IntrinsicCall, ParseError, Path, parse_value
from tests.state_machine.asl_lint.templates import (
    REFERENCE_FIELDS,
    document_paths,
    document_reads,
    intrinsic_calls,
    literals,
    objects_in_templates,
    parse_path_or_none,
    value_at,
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
def value_is_valid(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a `.$` value that is neither a path nor an intrinsic function."""
    for use in document_reads(machine):
        try:
            if not isinstance(use.text, str):
                raise ParseError(f"must be a path or an intrinsic function, not {use.text!r}")
            parse_value(use.text)
        except ParseError as error:
            yield violation(use.state, str(error), *use.place)


@rule
def path_is_a_reference(machine: Machine) -> Iterator[Violation]:
    """A ResultPath or …SecondsPath selects one node of the document: no wildcard, filter or context."""
    for state in machine.states:
        caught = [("Catch", i, "ResultPath") for i, _ in objects(state.body.get("Catch"))]
        for place in [("ResultPath",), *caught]:
            text = value_at(state.body, place)
            if isinstance(text, str) and not _is_reference(parse_path_or_none(text), "$"):
                yield violation(state, f"ResultPath must be a reference path, not {text!r}", *place)
    for use in document_reads(machine):
        parsed = use.parsed() if use.place[-1] in REFERENCE_FIELDS else None
        if parsed and not _is_reference(parsed, "$", "$$"):
            yield violation(
                use.state, f"{use.place[-1]} must be a reference path, not {use.text!r}", *use.place
            )


@rule
def function_exists(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses an unknown intrinsic function. Names are case-sensitive."""
    for use, call in intrinsic_calls(machine):
        if call.name.removeprefix("States.") not in ARITY or not call.name.startswith("States."):
            yield violation(use.state, f"there is no function {call.name}", *use.place)


@rule
def function_has_its_arguments(machine: Machine) -> Iterator[Violation]:
    """A wrong number of arguments fails the execution with States.IntrinsicFailure at run time."""
    for use, call in intrinsic_calls(machine):
        minimum, maximum = ARITY.get(call.name.removeprefix("States."), (0, None))
        count = len(call.arguments)
        if count < minimum or (maximum is not None and count > maximum):
            expected = (
                f"{minimum}"
                if minimum == maximum
                else f"{minimum} to {maximum}"
                if maximum
                else f"at least {minimum}"
            )
            yield violation(use.state, f"{call.name} takes {expected} arguments, not {count}", *use.place)
        elif call.name == "States.Format" and isinstance(call.arguments[0], str):
            placeholders = call.arguments[0].replace(r"\{", "").count("{}")
            if placeholders != count - 1:
                yield violation(
                    use.state, f"the format has {placeholders} {{}} for {count - 1} values", *use.place
                )


@rule
def context_path_exists(machine: Machine) -> Iterator[Violation]:
    """A `$$` path that the context object lacks fails the execution with States.Runtime."""
    for use, path in document_paths(machine):
        if path.root == "$$" and path.steps and not _is_context(path):
            yield violation(
                use.state, f"the context object has no {'.'.join(map(str, path.steps))}", *use.place
            )


@rule
def input_field_exists(machine: Machine) -> Iterator[Violation]:
    """`$$.Execution.Input` is the input of StartExecution. Another field fails with States.Runtime."""
    for use, path in document_paths(machine):
        is_input = path.root == "$$" and path.steps[:2] == ("Execution", "Input")
        name = path.steps[2:3]
        if is_input and not machine.input_fields.issuperset(name):
            yield violation(use.state, f"the execution's input has no field {name[0]!r}", *use.place)


@rule
def field_is_produced(machine: Machine) -> Iterator[Violation]:
    """A path to a field that is missing on some path to the state fails with States.Runtime."""
    documents = compute_documents(machine)
    for use, path in document_paths(machine):
        if path.root != "$" or use.state not in documents or use.may_be_absent:
            continue
        if not resolve_path(use.stage(documents[use.state]), path.steps)[0]:
            name = "$." + ".".join(map(str, path.steps))
            yield violation(use.state, f"{name} does not exist on every path to this place", *use.place)


@rule
def path_has_the_suffix(machine: Machine) -> Iterator[Violation]:
    """Without `.$` in the field name a path is sent unchanged, as a string."""
    for use_place, state, name, value in literals(machine):
        if (
            isinstance(value, str)
            and value.startswith(("$.", "$$.", "$[", "States."))
            and _is_parsable(value)
        ):
            yield violation(state, f"{value!r} is sent unchanged: write {name}.$", *use_place)


@rule
def name_is_unique(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses an object that has a name both with and without `.$`."""
    for state in machine.states:
        for place, value in objects_in_templates(state):
            for name in sorted(value):
                if f"{name}.$" in value:
                    yield violation(state, f"both {name} and {name}.$ are given", *place, name)


def _is_context(path: Path) -> bool:
    first, *rest = path.steps
    if first not in CONTEXT:
        return False
    if not rest or (first, rest[0]) == ("Execution", "Input"):
        return True
    if (first, rest[0]) == ("Map", "Item"):
        return len(rest) == 1 or rest[1] in ("Index", "Value", "Key", "Source")
    return rest[0] in CONTEXT[str(first)] and len(rest) == 1


def _is_reference(value: Path | IntrinsicCall | None, *roots: str) -> bool:
    return isinstance(value, Path) and value.is_reference and value.root in roots


def _is_parsable(text: str) -> bool:
    try:
        return bool(parse_value(text))
    except ParseError:
        return False
