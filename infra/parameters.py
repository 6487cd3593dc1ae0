"""Parameters that commands change: routing policy, current model, capacity policy."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack

from workflow.inspections.routing_policy import DEFAULT_POLICY, NO_MODEL
from workflow.models.capacity_policy import AWS_POLICY, capacity_parameter


@dataclass(frozen=True, slots=True)
class Parameters:
    """The names of a stage's parameters. They begin with `/partcheck/<stage>/`.

    The template only names them. CloudFormation writes a resource's value again with each change of the value
    or of a tag, so that a deployment would reset the model in use. `partcheck stage deploy` creates missing
    parameters with `initial_values`, and `partcheck stage destroy` deletes all.
    """

    stage: str

    @property
    def policy(self) -> str:
        """The parameter of the routing policy."""
        return f"/partcheck/{self.stage}/policy"

    @property
    def model(self) -> str:
        """The parameter of the model in use."""
        return f"/partcheck/{self.stage}/model"

    @property
    def capacity(self) -> str:
        """The parameter of the capacity policy, whose name is derived from the model's."""
        return capacity_parameter(self.model)

    def initial_values(self) -> Mapping[str, str]:
        """Return the values of a new stage, by name."""
        return {self.policy: json.dumps(DEFAULT_POLICY), self.model: NO_MODEL, self.capacity: AWS_POLICY}


def parameter_arn(stack: Stack, name: str) -> str:
    """Return the ARN of a parameter in the stack's account and region."""
    return str(stack.format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/")))
