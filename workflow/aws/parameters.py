"""Parameters that change without a deployment: the routing policy and the current model."""

from collections.abc import Mapping
from typing import Any

from workflow.aws.clients import client
from workflow.errors import ConfigurationError
from workflow.inspections import routing_policy
from workflow.inspections.routing_policy import RoutingPolicy

MISSING = "ParameterNotFound"


class CachedParameterStore:
    """Parameter Store with a cache. A value is cached for `max_age` seconds."""

    def __init__(self, ssm: Any = None, max_age: int = 5) -> None:
        from aws_lambda_powertools.utilities.parameters import SSMProvider

        self._provider = SSMProvider(boto3_client=ssm or client("ssm"))
        self._max_age = max_age

    def text(self, name: str) -> str:
        """Return the value of a parameter. Raise ConfigurationError if it does not exist."""
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

        try:
            return str(self._provider.get(name, max_age=self._max_age))
        except GetParameterError as error:
            if MISSING not in str(error):
                raise
            raise ConfigurationError(f"the parameter {name} does not exist: create it again") from error

    def routing_policy(self, name: str) -> RoutingPolicy:
        """Return the routing policy in a parameter. Raise ConfigurationError if it is invalid."""
        return routing_policy.parse(self.text(name))


def create_missing_parameters(
    values: Mapping[str, str], tags: Mapping[str, str], ssm: Any = None
) -> list[str]:
    """Create each parameter that does not exist, with its value and the tags. Return the created names."""
    service, created = ssm or client("ssm"), list[str]()
    marks = [{"Key": key, "Value": value} for key, value in tags.items()]
    for name, value in values.items():
        try:
            service.put_parameter(Name=name, Value=value, Type="String", Overwrite=False, Tags=marks)
        except service.exceptions.ParameterAlreadyExists:
            continue
        created.append(name)
    return created
