"""The AWS services as Step Functions calls them, read from botocore's service models."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from tests.state_machine.asl_lint.optimised import CALLBACK, LAMBDA_ERRORS, OPTIMISED, Optimised

Kind = Literal["function", "activity", "optimised", "sdk"]
# The names that aws-sdk takes from the SDK for Java, where they differ from botocore's by more than a hyphen.
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
class Call:
    """What a Task's Resource names."""

    kind: Kind
    service: str = ""
    action: str = ""
    pattern: str = ""

    @property
    def optimised(self) -> Optimised | None:
        return OPTIMISED.get(self.service) if self.kind == "optimised" else None

    @property
    def is_callback(self) -> bool:
        return self.pattern == CALLBACK

    @property
    def runs_our_code(self) -> bool:
        """Whether errors with names of our own can come back: a function's exception, a callback's answer."""
        return (
            self.kind in ("function", "activity") or self.is_callback or self.optimised is OPTIMISED["lambda"]
        )

    @property
    def model(self) -> ServiceModel | None:
        """The service's model, if there is such a service."""
        if self.kind == "function":
            return _load("lambda")
        if self.kind == "optimised":
            return _load(self.optimised.service) if self.optimised else None
        return sdk_model(self.service) if self.kind == "sdk" else None

    @property
    def operation(self) -> OperationModel | None:
        """The operation's model, if the service has it and the action is spelt in camelCase."""
        name = self.action[:1].upper() + self.action[1:]
        supported = self.optimised.actions if self.optimised else {self.action}
        if self.kind == "function" or not self.model or self.action not in supported - {name}:
            return None
        return self.model.operation_model(name) if name in self.model.operation_names else None

    @property
    def error_prefix(self) -> str:
        if self.kind == "function":
            return "Lambda"
        if self.optimised:
            return self.optimised.error_prefix
        return _java_class(self.model.service_id) if self.model else ""

    def error_names(self) -> frozenset[str]:
        """Every error that the service itself can answer with, as Step Functions spells it."""
        if not self.model:
            return frozenset()
        prefix = self.error_prefix
        own = {"SdkClientException", *(_java_exception(shape.name) for shape in self.model.error_shapes)}
        if self.kind == "function":
            own |= LAMBDA_ERRORS
        elif self.optimised:
            own |= {self.optimised.base_error, *self.optimised.other_errors}
        else:
            own |= {f"{prefix}Exception"} | (LAMBDA_ERRORS if prefix == "Lambda" else frozenset())
        return frozenset(f"{prefix}.{name}" for name in own)


def parse_resource(resource: Any) -> Call | None:
    """Read a Resource; a placeholder stands for a function's ARN."""
    if not isinstance(resource, str):
        return None
    if _FUNCTION.fullmatch(resource):
        return Call("function")
    if _ACTIVITY.fullmatch(resource):
        return Call("activity")
    if not (found := _RESOURCE.fullmatch(resource)):
        return None
    kind: Kind = "sdk" if found["sdk"] else "optimised"
    return Call(kind, found["service"], found["action"], found["pattern"] or "")


@cache
def sdk_model(service: str) -> ServiceModel | None:
    """The model of a service by the name that aws-sdk resources use, which is not always botocore's."""
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
    """An argument's or a result's name as Step Functions spells it: always in PascalCase."""
    return member[:1].upper() + member[1:]


def members(shape: Shape) -> dict[str, Shape]:
    """The members of a structure by the names that Step Functions uses."""
    if not isinstance(shape, StructureShape):
        return {}
    return {step_functions_name(name): member for name, member in shape.members.items()}


def _java_class(service_id: str) -> str:
    """`DynamoDB` is DynamoDb in error names of aws-sdk, `SQS` is Sqs, `SFN` is Sfn."""
    return re.sub(r"([A-Z])([A-Z]+)(?![a-z])", lambda m: m[1] + m[2].lower(), service_id).replace(" ", "")


def _java_exception(shape: str) -> str:
    return shape if shape.endswith("Exception") else f"{shape.removesuffix('Fault')}Exception"
