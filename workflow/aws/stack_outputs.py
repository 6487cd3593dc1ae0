"""Outputs of a stage's stack: the names of its resources, on AWS or on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class StackOutputs:
    """The resource names that commands need to work with one environment."""

    region: str
    inbound_bucket: str
    filed_bucket: str
    training_bucket: str
    inspections_table: str
    audit_table: str
    task_tokens_table: str
    name_index_table: str
    metrics_table: str
    command_log_table: str
    cameras_table: str
    history_bucket: str
    get_execution_history_function: str
    intake_queue_url: str
    decision_queue_url: str
    escalation_queue_url: str
    verdict_queue_url: str
    command_queue_url: str
    state_machine_arn: str
    policy_parameter: str
    model_parameter: str

    def to_settings(self) -> dict[str, str]:
        """Return the settings of the adapters, named like environment variables."""
        return {field.name.upper(): getattr(self, field.name) for field in fields(self)}


def to_output_name(field: str) -> str:
    """Return the output name of a field: inbound_bucket becomes InboundBucket."""
    return "".join(part.capitalize() for part in field.split("_"))


def parse_stack_outputs(outputs: Mapping[str, str], region: str) -> StackOutputs:
    """Read the outputs of a stack. Raise ConfigurationError if one is missing."""
    names = {
        field.name: to_output_name(field.name) for field in fields(StackOutputs) if field.name != "region"
    }
    if missing := sorted(set(names.values()) - outputs.keys()):
        raise ConfigurationError(f"the stack has no output {', '.join(missing)}: deploy it again")
    return StackOutputs(region=region, **{field: outputs[name] for field, name in names.items()})
