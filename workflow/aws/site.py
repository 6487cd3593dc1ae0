"""One deployed line: the names of its resources, wherever it runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """What a command needs to know to work with one line, on AWS or on this machine."""

    region: str
    inbound_bucket: str
    filed_bucket: str
    ledger_table: str
    audit_table: str
    token_table: str
    intake_queue_url: str
    decision_queue_url: str
    escalation_queue_url: str
    verdict_queue_url: str
    state_machine_arn: str
    policy_parameter: str
    model_parameter: str
