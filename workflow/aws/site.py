"""One deployed line: the names of its resources, wherever it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from workflow.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Site:
    """What a command needs to know to work with one line, on AWS or on this machine."""

    region: str
    inbound_bucket: str
    filed_bucket: str
    training_bucket: str
    ledger_table: str
    audit_table: str
    token_table: str
    names_table: str
    figures_table: str
    command_table: str
    history_bucket: str
    read_history_function: str
    intake_queue_url: str
    decision_queue_url: str
    escalation_queue_url: str
    verdict_queue_url: str
    command_queue_url: str
    state_machine_arn: str
    policy_parameter: str
    model_parameter: str


def output_name(field: str) -> str:
    """What a stack calls a field among its outputs: inbound_bucket becomes InboundBucket."""
    return "".join(part.capitalize() for part in field.split("_"))


def from_outputs(outputs: Mapping[str, str], region: str) -> Site:
    """The line that a stack's outputs describe; ConfigurationError when one is missing."""
    names = {field.name: output_name(field.name) for field in fields(Site) if field.name != "region"}
    if missing := sorted(set(names.values()) - outputs.keys()):
        raise ConfigurationError(f"the stack does not tell {', '.join(missing)}: deploy it again")
    return Site(region=region, **{field: outputs[name] for field, name in names.items()})
