"""The AWS services as Step Functions calls them, read from botocore's service models."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

_RESOURCE = re.compile(
    r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9]+):(?P<action>[a-z][A-Za-z0-9]*)"
    r"(?P<callback>\.waitForTaskToken)?"
)
_FUNCTION = re.compile(r"\$\{[^}]*\}|arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")
# The names of aws-sdk, from the SDK for Java, that differ from botocore's.
_JAVA_NAMES = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "stepfunctions"}
# Each optimized integration: its error prefix, its errors beside the API's, and its argument with free JSON.
OPTIMIZED = {
    "lambda:invoke": ("Lambda", "AWSLambdaException ClientExecutionTimeoutException Unknown", "Payload"),
    "sqs:sendMessage": ("SQS", "AmazonSQSException", "MessageBody"),
}
_CRASHES = ("ExitError", "HandlerNotFound", "ImportModuleError", "MarshalError", "UserCodeSyntaxError")
FUNCTION_CRASHES = {"Sandbox.Timedout", *(f"Runtime.{name}" for name in _CRASHES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """The call of a Task: its API operation, and its errors as Step Functions spells them.

    A function's ARN has no operation: its Parameters are the event. `free_argument` may be any JSON value.
    """

    operation: OperationModel | None
    errors: frozenset[str]
    free_argument: str | None = None
    is_optimized: bool = False
    runs_our_code: bool = False


def parse_resource(resource: Any) -> ServiceCall | None:
    """Parse a Resource. A placeholder stands for a function's ARN. Return None if AWS has no such call."""
    text = str(resource)
    if _FUNCTION.fullmatch(text):
        prefix, own, _ = OPTIMIZED["lambda:invoke"]
        errors = _error_names(_load("lambda"), prefix, own.split()) | FUNCTION_CRASHES
        return ServiceCall(operation=None, errors=errors, runs_our_code=True)
    match = _RESOURCE.fullmatch(text)
    integration = (
        None if not match or match["sdk"] else OPTIMIZED.get(f"{match['service']}:{match['action']}")
    )
    if not match or (not match["sdk"] and not integration):
        return None
    model = _sdk_model(match["service"]) if match["sdk"] else _load(match["service"])
    name = match["action"][0].upper() + match["action"][1:]
    if not model or name not in model.operation_names:
        return None
    java = re.sub(r"([A-Z])([A-Z]+)(?![a-z])", lambda m: m[1] + m[2].lower(), model.service_id)
    prefix, own, free = integration or (java.replace(" ", ""), f"{java.replace(' ', '')}Exception", None)
    is_function = prefix == "Lambda" and integration is not None
    return ServiceCall(
        operation=model.operation_model(name),
        errors=_error_names(model, prefix, own.split()) | (FUNCTION_CRASHES if is_function else set()),
        free_argument=free,
        is_optimized=integration is not None,
        runs_our_code=is_function or match["callback"] is not None,
    )


def _error_names(model: ServiceModel | None, prefix: str, own: Iterable[str]) -> frozenset[str]:
    names = {shape.name.removesuffix("Fault") for shape in model.error_shapes} if model else set()
    java = {name if name.endswith("Exception") else f"{name}Exception" for name in names}
    return frozenset(f"{prefix}.{name}" for name in {"SdkClientException", *java, *own})


@cache
def _load(service: str) -> ServiceModel | None:
    try:
        return botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None


def _sdk_model(service: str) -> ServiceModel | None:
    """Return the model of a service by its name in aws-sdk resources."""
    model = _load(_JAVA_NAMES.get(service, service))
    return model if model and re.sub(r"[^a-z0-9]", "", model.service_id.lower()) == service else None


def members(shape: Shape) -> dict[str, Shape]:
    """Return the members of a structure by their names in Step Functions, which are in PascalCase."""
    if not isinstance(shape, StructureShape):
        return {}
    return {name[:1].upper() + name[1:]: member for name, member in shape.members.items()}
