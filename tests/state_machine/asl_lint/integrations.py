"""Rules for service integrations: each call exists, and its arguments match the service's model."""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from tests.state_machine.asl_lint.machine import Finding, Machine, Place, State, finding, rule
from tests.state_machine.asl_lint.services import members, parse_resource

Argument = tuple[State, Place, Shape | None, Any, Shape | None]
TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("string", "character"), (str,)),
    **dict.fromkeys(("integer", "long"), (int,)),
    **dict.fromkeys(("float", "double"), (int, float)),
    **dict.fromkeys(("map", "structure"), (dict,)),
    "boolean": (bool,),
    "timestamp": (str, int, float),
    "list": (list,),
}


@rule
def resource_exists(machine: Machine) -> Iterator[Finding]:
    """AWS refuses an unknown service, action or pattern. aws-sdk uses the names of the SDK for Java."""
    for task in machine.tasks:
        resource = task.body.get("Resource")
        if not parse_resource(resource):
            yield finding(task, f"{resource!r} is neither an integration nor a function", "Resource")


@rule
def argument_exists(machine: Machine) -> Iterator[Finding]:
    """An unknown or missing argument is refused, or fails the task at run time. Names are in PascalCase."""
    for task, place, shape, value, parent in arguments(machine):
        if shape is None and parent:
            known = ", ".join(sorted(members(parent)))
            yield finding(task, f"{place[-1]!r} is not an argument; known arguments: {known}", *place)
        if isinstance(shape, StructureShape) and isinstance(value, dict):
            required = {name[:1].upper() + name[1:] for name in shape.required_members}
            for name in sorted(required - {name.removesuffix(".$") for name in value}):
                yield finding(task, f"{name} is required", *place)


@rule
def argument_has_its_type(machine: Machine) -> Iterator[Finding]:
    """A literal of the wrong type, or outside the API's enumeration, fails the task at run time."""
    for task, place, shape, value, _ in arguments(machine):
        types = TYPES.get(shape.type_name) if shape else None
        listed = shape.enum if isinstance(shape, StringShape) else []
        if types and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            yield finding(task, f"{place[-1]} must be of type {types[0].__name__}, not {value!r}", *place)
        elif listed and "${" not in value and value not in listed:
            yield finding(task, f"{place[-1]} is one of {', '.join(listed)}, not {value!r}", *place)


def arguments(machine: Machine) -> Iterator[Argument]:
    """Yield every literal in Parameters with task, place, shape and parent. Unknown ones have no shape."""
    for task in machine.tasks:
        call = parse_resource(task.body.get("Resource"))
        if call and call.operation and (shape := call.operation.input_shape):
            for argument in _walk(
                ("Parameters",), shape, task.body.get("Parameters", {}), call.free_argument
            ):
                yield task, *argument


def _walk(
    place: Place, shape: Shape | None, value: Any, free: str | None, parent: Shape | None = None
) -> Iterator[tuple[Place, Shape | None, Any, Shape | None]]:
    yield place, shape, value, parent
    if isinstance(value, dict) and isinstance(shape, StructureShape | MapShape):
        known = members(shape)
        for name, inner in value.items():
            plain = name.removesuffix(".$")
            member = shape.value if isinstance(shape, MapShape) else known.get(plain)
            if (plain == name and name != free) or member is None:
                yield from _walk((*place, name), member, inner, free, shape)
    elif isinstance(value, list) and isinstance(shape, ListShape):
        for i, inner in enumerate(value):
            yield from _walk((*place, i), shape.member, inner, free, shape)
