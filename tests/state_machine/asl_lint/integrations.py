"""Rules for service integrations: each call exists, and its arguments match the service's model."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.state_machine.asl_lint.findings import Violation, rule, violation
from tests.state_machine.asl_lint.language_schema import describe_types, has_type
from tests.state_machine.asl_lint.machine import Machine, State
from tests.state_machine.asl_lint.optimized_integrations import CALLBACK
from tests.state_machine.asl_lint.services import ServiceCall, members, parse_resource

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


def service_calls(machine: Machine) -> Iterator[tuple[State, ServiceCall]]:
    """Yield every Task with a valid Resource, and its call."""
    for task in machine.tasks:
        if call := parse_resource(task.body.get("Resource")):
            yield task, call


@rule
def resource_is_valid(machine: Machine) -> Iterator[Violation]:
    """CreateStateMachine refuses a Resource that is no integration, function or activity."""
    for task in machine.tasks:
        resource = task.body.get("Resource")
        if parse_resource(resource) is None:
            yield violation(task, f"{resource!r} is no integration, function or activity", "Resource")


@rule
def service_exists(machine: Machine) -> Iterator[Violation]:
    """An unknown service is refused. aws-sdk uses the names of the SDK for Java: sfn, eventbridge."""
    for task, call in service_calls(machine):
        if call.kind == "optimized" and not call.optimized:
            yield violation(task, f"this lint knows no optimized integration {call.service!r}", "Resource")
        elif call.kind == "sdk" and not call.model:
            yield violation(task, f"aws-sdk knows no service {call.service!r}", "Resource")


@rule
def action_exists(machine: Machine) -> Iterator[Violation]:
    """AWS refuses a misspelt action, emulators accept it. The action is the operation in camelCase."""
    for task, call in service_calls(machine):
        if call.kind in ("optimized", "sdk") and call.model and not call.operation:
            yield violation(task, f"{call.service} has no action {call.action!r} here", "Resource")


@rule
def pattern_is_supported(machine: Machine) -> Iterator[Violation]:
    """Integrations support different patterns: aws-sdk has no .sync, dynamodb no .waitForTaskToken."""
    for task, call in service_calls(machine):
        supported = call.optimized.patterns if call.optimized else {"", CALLBACK}
        if call.pattern not in supported:
            yield violation(task, f"{call.service} does not support the pattern {call.pattern!r}", "Resource")


@rule
def argument_exists(machine: Machine) -> Iterator[Violation]:
    """An unknown argument is refused, or fails the task at run time. Names are in PascalCase."""
    for task, call in service_calls(machine):
        for place, shape, _, parent in arguments(task, call):
            if shape is None and isinstance(parent, StructureShape):
                known = ", ".join(sorted(members(parent)))
                yield violation(task, f"{place[-1]!r} is not an argument; known arguments: {known}", *place)


@rule
def required_argument_exists(machine: Machine) -> Iterator[Violation]:
    """A missing required argument always fails the task at run time."""
    for task, call in service_calls(machine):
        for place, shape, value, _ in arguments(task, call):
            if isinstance(shape, StructureShape) and isinstance(value, dict):
                given = {name.removesuffix(".$") for name in value}
                required = {name[:1].upper() + name[1:] for name in shape.required_members}
                for name in sorted(required - given):
                    yield violation(task, f"{name} is required", *place)


@rule
def argument_has_its_type(machine: Machine) -> Iterator[Violation]:
    """A literal of the wrong JSON type fails the task at run time, for example a delay in quotes."""
    for task, call in service_calls(machine):
        for place, shape, value, _ in arguments(task, call):
            types = TYPES.get(shape.type_name) if shape and len(place) > 1 else None
            if types and not has_type(value, types):
                yield violation(task, f"{place[-1]} must be {describe_types(types)}, not {value!r}", *place)


@rule
def argument_is_in_enumeration(machine: Machine) -> Iterator[Violation]:
    """A value outside the API's enumeration causes a validation error, which retries cannot fix."""
    for task, call in service_calls(machine):
        for place, shape, value, _ in arguments(task, call):
            listed = shape.enum if isinstance(shape, StringShape) else []
            if listed and isinstance(value, str) and "${" not in value and value not in listed:
                yield violation(task, f"{place[-1]} is one of {', '.join(listed)}, not {value!r}", *place)


def arguments(task: State, call: ServiceCall) -> Iterator[Argument]:
    """Yield every literal in Parameters with place, shape and parent shape. Unknown ones have no shape."""
    shape = call.operation.input_shape if call.operation else None
    if shape:
        json_arguments = call.optimized.json_arguments if call.optimized else frozenset()
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
