"""Settings that change without a deployment: the routing policy and the model in use."""

from typing import Any

from workflow.aws.clients import client
from workflow.inspections import routing_policy
from workflow.inspections.routing_policy import RoutingPolicy


class Parameters:
    """Reads Parameter Store, remembering each value for `max_age` seconds."""

    def __init__(self, ssm: Any = None, max_age: int = 5) -> None:
        from aws_lambda_powertools.utilities.parameters import SSMProvider

        self._provider = SSMProvider(boto3_client=ssm or client("ssm"))
        self._max_age = max_age

    def text(self, name: str) -> str:
        """The value of one parameter."""
        return str(self._provider.get(name, max_age=self._max_age))

    def routing_policy(self, name: str) -> RoutingPolicy:
        """The routing policy that a parameter holds; ConfigurationError names what is wrong with it."""
        return routing_policy.parse(self.text(name))
