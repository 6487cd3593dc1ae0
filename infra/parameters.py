"""Parameters that change without a deployment: routing policy, current model, capacity policy."""

import json

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from workflow.inspections.routing_policy import DEFAULT_POLICY, NO_MODEL
from workflow.models import capacity_policy


class Parameters(Construct):
    """Parameters with their initial values. Later deployments leave the current values as they are.

    Names begin with `/partcheck/<stage>/`, because the capacity policy's name is derived from the model's.
    """

    def __init__(self, scope: Construct, construct_id: str, stage: str) -> None:
        super().__init__(scope, construct_id)
        model = f"/partcheck/{stage}/model"
        self.policy = _build_parameter(
            self, "Policy", f"/partcheck/{stage}/policy", json.dumps(DEFAULT_POLICY)
        )
        self.model = _build_parameter(self, "Model", model, NO_MODEL)
        self.capacity = _build_parameter(
            self, "Capacity", capacity_policy.capacity_parameter(model), capacity_policy.AWS_POLICY
        )


def _build_parameter(scope: Construct, construct_id: str, name: str, value: str) -> ssm.StringParameter:
    return ssm.StringParameter(scope, construct_id, parameter_name=name, string_value=value)
