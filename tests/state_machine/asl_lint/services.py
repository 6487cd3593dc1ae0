"""The AWS services as Step Functions calls them, read from botocore's service models."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from tests.state_machine.asl_lint.optimized_integrations import (
    CALLBACK,
    LAMBDA_ERRORS,
    OPTIMIZED_INTEGRATIONS,
    OptimizedIntegration,
)

Kind = Literal["function", "activity", "optimized", "sdk"]
# The names of aws-sdk, from the SDK for Java, that differ from botocore's by more than a hyphen.
_JAVA_NAMES = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "costexplorer": "ce",
    "elasticloadbalancingv2": "elbv2",
    "eventbridge": "events",
    "sfn": "stepfunctions",
}
_RESOURCE = re.compile(
    r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:(?P<sdk>aws-sdk:)?(?P<service>[A-Za-z0-9]+):(?P<action>[A-Za-z0-9]+)"
    r"(?P<pattern>\.[A-Za-z0-9:]+)?"
)
_FUNCTION = re.compile(r"\$\{[^}]*\}|arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(?::[\w$-]+)?")
_ACTIVITY = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:activity:[\w-]+")


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """The call of a Task, parsed from its Resource."""

    kind: Kind
    service: str = ""
    action: str = ""
    pattern: str = ""

    @property
    def optimized(self) -> OptimizedIntegration | None:
        return OPTIMIZED_INTEGRATIONS.get(self.service) if self.kind == "optimized" else None

    @property
    def is_callback(self) -> bool:
        return self.pattern == CALLBACK

    @property
    def runs_our_code(self) -> bool:
        """Return whether our own code can raise errors: a function, an activity or a callback."""
        return (
            self.kind in ("function", "activity")
            or self.is_callback
            or self.optimized is OPTIMIZED_INTEGRATIONS["lambda"]
        )

    @property
    def model(self) -> ServiceModel | None:
        """Return the service's model, or None for an unknown service."""
        if self.kind == "function":
            return _load("lambda")
        if self.kind == "optimized":
            return _load(self.optimized.service) if self.optimized else None
        return sdk_model(self.service) if self.kind == "sdk" else None

    @property
    def operation(self) -> OperationModel | None:
        """Return the operation's model if the service has it and the action is in camelCase."""
        name = self.action[:1].upper() + self.action[1:]
        supported = self.optimized.actions if self.optimized else {self.action}
        if self.kind == "function" or not self.model or self.action not in supported - {name}:
            return None
        return self.model.operation_model(name) if name in self.model.operation_names else None

    @property
    def error_prefix(self) -> str:
        if self.kind == "function":
            return "Lambda"
        if self.optimized:
            return self.optimized.error_prefix
        return _java_class(self.model.service_id) if self.model else ""

    def error_names(self) -> frozenset[str]:
        """Return all errors of the service itself, as Step Functions spells them."""
        if not self.model:
            return frozenset()
        prefix = self.error_prefix
        own = {"SdkClientException", *(_java_exception(shape.name) for shape in self.model.error_shapes)}
        if self.kind == "function":
            own |= LAMBDA_ERRORS
        elif self.optimized:
            own |= {self.optimized.base_error, *self.optimized.other_errors}
        else:
            own |= {f"{prefix}Exception"} | (LAMBDA_ERRORS if prefix == "Lambda" else frozenset())
        return frozenset(f"{prefix}.{name}" for name in own)


def parse_resource(resource: Any) -> ServiceCall | None:
    """Parse a Resource. A placeholder stands for a function's ARN. Return None for an invalid one."""
    if not isinstance(resource, str):
        return None
    if _FUNCTION.fullmatch(resource):
        return ServiceCall("function")
    if _ACTIVITY.fullmatch(resource):
        return ServiceCall("activity")
    if not (match := _RESOURCE.fullmatch(resource)):
        return None
    kind: Kind = "sdk" if match["sdk"] else "optimized"
    return ServiceCall(kind, match["service"], match["action"], match["pattern"] or "")


@cache
def sdk_model(service: str) -> ServiceModel | None:
    """Return the model of a service by its name in aws-sdk resources, which can differ from botocore's."""
    plain = {name.replace("-", ""): name for name in _session().get_available_services()}
    name = _JAVA_NAMES.get(service) or plain.get(service)
    model = _load(name) if name else None
    return model if model and _plain(model.service_id) == service else None


def _plain(service_id: str) -> str:
    return re.sub(r"[^a-z0-9]", "", service_id.lower())


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def _load(service: str) -> ServiceModel | None:
    try:
        return _session().get_service_model(service)
    except UnknownServiceError:
        return None


def step_functions_name(member: str) -> str:
    """Return the name of an argument or result as Step Functions spells it, in PascalCase."""
    return member[:1].upper() + member[1:]


def members(shape: Shape) -> dict[str, Shape]:
    """Return the members of a structure by their names in Step Functions."""
    if not isinstance(shape, StructureShape):
        return {}
    return {step_functions_name(name): member for name, member in shape.members.items()}


def _java_class(service_id: str) -> str:
    """Return the error prefix of aws-sdk: DynamoDb for `DynamoDB`, Sqs for `SQS`, Sfn for `SFN`."""
    return re.sub(r"([A-Z])([A-Z]+)(?![a-z])", lambda m: m[1] + m[2].lower(), service_id).replace(" ", "")


def _java_exception(shape: str) -> str:
    return shape if shape.endswith("Exception") else f"{shape.removesuffix('Fault')}Exception"
