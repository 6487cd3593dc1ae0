"""Rules: every service call exists, and its arguments are those that the service's model names."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.state_machine.asl_lint.findings import Flaw, flaw, rule
from tests.state_machine.asl_lint.machine import Machine, State
from tests.state_machine.asl_lint.optimised import CALLBACK
from tests.state_machine.asl_lint.services import Call, members, parse_resource
from tests.state_machine.asl_lint.vocabulary import called, is_a

Place = tuple[str | int, ...]
Argument = tuple[Place, Shape | None, Any, Shape | None]
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (str, int, float),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def calls(machine: Machine) -> Iterator[tuple[State, Call]]:
    """Every Task whose Resource can be read, with what it calls."""
    for task in machine.tasks:
        if call := parse_resource(task.body.get("Resource")):
            yield task, call


@rule
def resource_can_be_read(machine: Machine) -> Iterator[Flaw]:
    """A Resource that is no integration, function or activity is refused when the machine is created."""
    for task in machine.tasks:
        resource = task.body.get("Resource")
        if parse_resource(resource) is None:
            yield flaw(task, f"{resource!r} is no integration, function or activity", "Resource")


@rule
def service_exists(machine: Machine) -> Iterator[Flaw]:
    """A service that Step Functions cannot call is refused; aws-sdk says sfn and eventbridge, as in Java."""
    for task, call in calls(machine):
        if call.kind == "optimised" and not call.optimised:
            yield flaw(task, f"this lint knows no optimised integration {call.service!r}", "Resource")
        elif call.kind == "sdk" and not call.model:
            yield flaw(task, f"aws-sdk knows no service {call.service!r}", "Resource")


@rule
def action_exists(machine: Machine) -> Iterator[Flaw]:
    """A misspelt action is refused on AWS, accepted by emulators: it is the operation in camelCase."""
    for task, call in calls(machine):
        if call.kind in ("optimised", "sdk") and call.model and not call.operation:
            yield flaw(task, f"{call.service} has no action {call.action!r} here", "Resource")


@rule
def pattern_is_supported(machine: Machine) -> Iterator[Flaw]:
    """Each integration waits in its own ways: aws-sdk has no .sync, dynamodb has no .waitForTaskToken."""
    for task, call in calls(machine):
        supported = call.optimised.patterns if call.optimised else {"", CALLBACK}
        if call.pattern not in supported:
            yield flaw(task, f"{call.service} does not support the pattern {call.pattern!r}", "Resource")


@rule
def argument_exists(machine: Machine) -> Iterator[Flaw]:
    """An argument that the API lacks is refused, or fails the task at run time: names are PascalCase."""
    for task, call in calls(machine):
        for place, shape, _, parent in arguments(task, call):
            if shape is None and isinstance(parent, StructureShape):
                known = ", ".join(sorted(members(parent)))
                yield flaw(task, f"{place[-1]!r} is no argument here; there are {known}", *place)


@rule
def argument_is_given(machine: Machine) -> Iterator[Flaw]:
    """A required argument that is missing fails the task at run time, every time."""
    for task, call in calls(machine):
        for place, shape, value, _ in arguments(task, call):
            if isinstance(shape, StructureShape) and isinstance(value, dict):
                given = {name.removesuffix(".$") for name in value}
                required = {name[:1].upper() + name[1:] for name in shape.required_members}
                for name in sorted(required - given):
                    yield flaw(task, f"{name} is required", *place)


@rule
def argument_has_its_type(machine: Machine) -> Iterator[Flaw]:
    """A literal of the wrong JSON type is refused when the task runs, for instance a delay in quotes."""
    for task, call in calls(machine):
        for place, shape, value, _ in arguments(task, call):
            types = TYPES.get(shape.type_name) if shape and len(place) > 1 else None
            if types and not is_a(value, types):
                yield flaw(task, f"{place[-1]} must be {called(types)}, not {value!r}", *place)


@rule
def argument_is_one_of(machine: Machine) -> Iterator[Flaw]:
    """A value that the API does not list is answered with a validation error, which no retry heals."""
    for task, call in calls(machine):
        for place, shape, value, _ in arguments(task, call):
            listed = shape.enum if isinstance(shape, StringShape) else []
            if listed and isinstance(value, str) and "${" not in value and value not in listed:
                yield flaw(task, f"{place[-1]} is one of {', '.join(listed)}, not {value!r}", *place)


def arguments(task: State, call: Call) -> Iterator[Argument]:
    """Every literal in Parameters with its place, its shape and its parent's; no shape: no such argument."""
    shape = call.operation.input_shape if call.operation else None
    if shape:
        json_arguments = call.optimised.json_arguments if call.optimised else frozenset()
        yield from _walk(("Parameters",), shape, task.body.get("Parameters", {}), None, json_arguments)


def _walk(
    place: Place, shape: Shape, value: Any, parent: Shape | None, free: frozenset[str]
) -> Iterator[Argument]:
    yield place, shape, value, parent
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        known = members(shape)
        for name, inner in value.items():
            plain = name.removesuffix(".$")
            if plain not in known:
                yield (*place, name), None, inner, shape
            elif plain == name and name not in free:
                yield from _walk((*place, name), known[name], inner, shape, free)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for name, inner in value.items():
            if not name.endswith(".$"):
                yield from _walk((*place, name), shape.value, inner, shape, free)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _walk((*place, i), shape.member, inner, shape, free)
