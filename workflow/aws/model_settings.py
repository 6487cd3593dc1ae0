"""Current model, routing policy and capacity policy on Parameter Store."""

from typing import Any

from workflow.aws.clients import client
from workflow.models.capacity_policy import (
    DISABLED,
    CapacityPolicy,
    capacity_parameter,
    parse_capacity_policy,
)


class SsmModelSettings:
    """Implements workflow.models.promotion.ModelSettings on Parameter Store, without a cache."""

    def __init__(self, model_parameter: str, policy_parameter: str = "", ssm: Any = None) -> None:
        self._model, self._policy = model_parameter, policy_parameter
        self._ssm = ssm or client("ssm")

    def get_model(self) -> str:
        arn = self._get(self._model) or ""
        return arn if arn.startswith("arn:") else ""

    def get_routing_policy(self) -> str:
        return self._get(self._policy) or ""

    def switch_model(self, arn: str, policy: str) -> None:
        self._put(self._policy, policy)
        self._put(self._model, arn)

    def get_capacity_policy(self) -> CapacityPolicy:
        """Return the capacity policy. Without the parameter, capacity management is disabled."""
        text = self._get(capacity_parameter(self._model))
        return parse_capacity_policy(text) if text else DISABLED

    def set_capacity_policy(self, text: str) -> None:
        """Replace the capacity policy. Raise ConfigurationError if the new one is invalid."""
        parse_capacity_policy(text)
        self._put(capacity_parameter(self._model), text)

    def _get(self, name: str) -> str | None:
        try:
            return str(self._ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def _put(self, name: str, value: str) -> None:
        self._ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
