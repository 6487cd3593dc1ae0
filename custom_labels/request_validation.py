"""Request validation against Rekognition's own service model (from botocore)."""

import base64
import binascii
import re
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from custom_labels.errors import ServiceError

# Checked where the image is read, because the service has a specific error for it.
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
def load_service_model() -> ServiceModel:
    """Load Rekognition's service model."""
    return ServiceModel(Loader().load_service_model("rekognition", "service-2"), "rekognition")


def validate_request(operation: str, request: Any) -> dict[str, Any]:
    """Return the request with decoded blobs and without unknown members.

    Raise ServiceError InvalidParameterException with the name of the invalid member.
    """
    shape = load_service_model().operation_model(operation).input_shape
    if shape is None:
        return {}
    if not isinstance(request, dict):
        raise ServiceError("InvalidParameterException", "Request is not a JSON object")
    validated: dict[str, Any] = _validate(shape, request, operation)
    return validated


def _validate(shape: Shape, value: Any, path: str) -> Any:
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (expected is not bool and isinstance(value, bool))):
        raise _invalid(path, f"must be a {shape.type_name}")
    if isinstance(shape, StructureShape):
        return _validate_structure(shape, value, path)
    if isinstance(shape, ListShape):
        value = [_validate(shape.member, item, f"{path}.{number}") for number, item in enumerate(value, 1)]
    elif isinstance(shape, MapShape):
        value = {
            _validate(shape.key, key, f"{path} key"): _validate(shape.value, item, f"{path}.{key}")
            for key, item in value.items()
        }
    elif shape.type_name == "blob":
        value = _decode_blob(value, path)
    _check_constraints(shape, value, path)
    return value


def _validate_structure(shape: StructureShape, value: dict[str, Any], path: str) -> dict[str, Any]:
    for name in shape.required_members:
        if value.get(name) is None:
            raise _invalid(f"{path}.{name}", "is required")
    return {
        name: _validate(member, value[name], f"{path}.{name}")
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _check_constraints(shape: Shape, value: Any, path: str) -> None:
    size = value if isinstance(value, int | float) else len(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        raise _invalid(path, f"must have a value or length of at least {least}")
    if most is not None and size > most and shape.name not in UNBOUNDED_SHAPES:
        raise _invalid(path, f"must have a value or length of at most {most}")
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        raise _invalid(path, f"must be one of {', '.join(shape.enum)}")
    if (pattern := shape.metadata.get("pattern")) and not _compile(pattern).fullmatch(value):
        raise _invalid(path, f"must satisfy the regular expression {pattern}")


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern; \\w and \\s approximate the Unicode categories, which Python lacks."""
    return re.compile(pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s"), re.DOTALL)


def _decode_blob(value: str, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise _invalid(path, "is not base64") from error


def _invalid(path: str, reason: str) -> ServiceError:
    return ServiceError("InvalidParameterException", f"Request has invalid parameters: {path} {reason}")
