"""The model in use, its rules and its power policy, as parameters."""

from typing import Any

from workflow.aws.clients import client
from workflow.models.capacity_policy import HANDS_OFF, PowerPolicy, parameter_of, parse


class ParameterSettings:
    """Implements workflow.models.promotion.Settings on Parameter Store, always reading afresh."""

    def __init__(self, model_parameter: str, policy_parameter: str = "", ssm: Any = None) -> None:
        self._model, self._policy = model_parameter, policy_parameter
        self._ssm = ssm or client("ssm")

    def model(self) -> str:
        arn = self._text(self._model) or ""
        return arn if arn.startswith("arn:") else ""

    def policy(self) -> str:
        return self._text(self._policy) or ""

    def use(self, arn: str, policy: str) -> None:
        self._put(self._policy, policy)
        self._put(self._model, arn)

    def power(self) -> PowerPolicy:
        """The power policy; without the parameter nothing is started or stopped by itself."""
        text = self._text(parameter_of(self._model))
        return parse(text) if text else HANDS_OFF

    def set_power(self, text: str) -> None:
        """Replace the power policy; ConfigurationError names what is wrong with the new one."""
        parse(text)
        self._put(parameter_of(self._model), text)

    def _text(self, name: str) -> str | None:
        try:
            return str(self._ssm.get_parameter(Name=name)["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def _put(self, name: str, value: str) -> None:
        self._ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
