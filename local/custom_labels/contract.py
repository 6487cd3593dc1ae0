"""Rekognition's own service model, held against every request before anything else looks at it."""

import base64
import binascii
import re
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from local.custom_labels.faults import Fault

# Checked where the image is read, because the service has an error of its own for it.
UNBOUNDED_SHAPES = frozenset({"ImageBlob"})
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "boolean": bool,
    "blob": str,
    "list": list,
    "map": dict,
    "structure": dict,
}


@cache
def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("rekognition", "service-2"), "rekognition")


def read_request(operation: str, request: Any) -> dict[str, Any]:
    """The request with its blobs decoded, or InvalidParameterException naming the member that is wrong."""
    shape = service_model().operation_model(operation).input_shape
    if shape is None:
        return {}
    if not isinstance(request, dict):
        raise Fault("InvalidParameterException", "Request is not a JSON object")
    checked: dict[str, Any] = _checked(shape, request, operation)
    return checked


def _checked(shape: Shape, value: Any, where: str) -> Any:
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (expected is not bool and isinstance(value, bool))):
        raise _wrong(where, f"must be a {shape.type_name}")
    if isinstance(shape, StructureShape):
        return _structure(shape, value, where)
    if isinstance(shape, ListShape):
        value = [_checked(shape.member, item, f"{where}.{place}") for place, item in enumerate(value, 1)]
    elif isinstance(shape, MapShape):
        value = {
            _checked(shape.key, key, f"{where} key"): _checked(shape.value, item, f"{where}.{key}")
            for key, item in value.items()
        }
    elif shape.type_name == "blob":
        value = _blob(value, where)
    _within(shape, value, where)
    return value


def _structure(shape: StructureShape, value: dict[str, Any], where: str) -> dict[str, Any]:
    for name in shape.required_members:
        if value.get(name) is None:
            raise _wrong(f"{where}.{name}", "is required")
    return {
        name: _checked(member, value[name], f"{where}.{name}")
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _within(shape: Shape, value: Any, where: str) -> None:
    size = value if isinstance(value, int | float) else len(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        raise _wrong(where, f"must have a value or length of at least {least}")
    if most is not None and size > most and shape.name not in UNBOUNDED_SHAPES:
        raise _wrong(where, f"must have a value or length of at most {most}")
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        raise _wrong(where, f"must be one of {', '.join(shape.enum)}")
    if (pattern := shape.metadata.get("pattern")) and not _pattern(pattern).fullmatch(value):
        raise _wrong(where, f"must satisfy the regular expression {pattern}")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Python has no Unicode categories in its expressions; letters, digits and spaces come close enough."""
    return re.compile(text.replace(r"\p{L}\p{Z}\p{N}", r"\w\s"), re.DOTALL)


def _blob(value: str, where: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise _wrong(where, "is not base64") from error


def _wrong(where: str, complaint: str) -> Fault:
    return Fault("InvalidParameterException", f"Request has invalid parameters: {where} {complaint}")
