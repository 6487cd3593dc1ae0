"""Tables: the ledger, the audit trail, the task tokens, and whatever else workflow.tables lists."""

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from workflow.tables import TABLES, Index, Table


class Books(Construct):
    """One table for each of workflow.tables, recoverable to any second of the last 35 days.

    They outlive the stack, and nobody deletes them before their protection is taken off.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.tables = {table.name: _table(self, table) for table in TABLES}


def logical(name: str) -> str:
    """A name of the data as CloudFormation spells names: task_tokens becomes TaskTokens."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def _table(scope: Construct, table: Table) -> dynamodb.Table:
    keys = dict(zip(("partition_key", "sort_key"), map(_text, table.key), strict=False))
    made = dynamodb.Table(
        scope,
        logical(table.name),
        **keys,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute=table.expires or None,
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    for index in table.indexes:
        made.add_global_secondary_index(**_index(index))
    return made


def _index(index: Index) -> dict[str, Any]:
    keys = dict(zip(("partition_key", "sort_key"), map(_text, index.key), strict=False))
    kind = dynamodb.ProjectionType[index.projection]
    return {
        "index_name": index.name,
        "projection_type": kind,
        "non_key_attributes": list(index.others) or None,
        **keys,
    }


def _text(attribute: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING)
