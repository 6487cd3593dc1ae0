"""Parameters that change without a deployment: the routing policy, the model in use, its power policy."""

import json

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from workflow.inspections.routing_policy import FIRST_POLICY, NO_MODEL
from workflow.models import capacity_policy


class Knobs(Construct):
    """Values to begin with; people and commands change them, and a deployment leaves them as they are.

    Names begin with `/partcheck/<stage>/`, because the power policy's name follows from the model's.
    """

    def __init__(self, scope: Construct, name: str, stage: str) -> None:
        super().__init__(scope, name)
        model = f"/partcheck/{stage}/model"
        self.policy = _text(self, "Policy", f"/partcheck/{stage}/policy", json.dumps(FIRST_POLICY))
        self.model = _text(self, "Model", model, NO_MODEL)
        self.power = _text(self, "Power", capacity_policy.parameter_of(model), capacity_policy.AWS_POLICY)


def _text(scope: Construct, name: str, path: str, value: str) -> ssm.StringParameter:
    return ssm.StringParameter(scope, name, parameter_name=path, string_value=value)
