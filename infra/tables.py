"""DynamoDB tables: one per entry of workflow.tables."""

from typing import Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from workflow.tables import TABLES, Index, Table


class Tables(Construct):
    """One table per entry of workflow.tables, recoverable to any second of the last 35 days.

    Tables outlive the stack, and deletion protection must be turned off before they can be deleted.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.by_name = {table.name: _build_table(self, table) for table in TABLES}


def to_logical_id(name: str) -> str:
    """Convert a name to CloudFormation's spelling: task-tokens becomes TaskTokens."""
    return "".join(part.capitalize() for part in name.replace("-", "_").split("_"))


def _build_table(scope: Construct, definition: Table) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        to_logical_id(definition.name),
        **_key_attributes(definition.key),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        time_to_live_attribute=definition.ttl_attribute or None,
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
    for index in definition.indexes:
        table.add_global_secondary_index(**_index_properties(index))
    return table


def _index_properties(index: Index) -> dict[str, Any]:
    return {
        "index_name": index.name,
        "projection_type": dynamodb.ProjectionType[index.projection_type],
        "non_key_attributes": list(index.non_key_attributes) or None,
        **_key_attributes(index.key),
    }


def _key_attributes(key: tuple[str, ...]) -> dict[str, dynamodb.Attribute]:
    attributes = [dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING) for attribute in key]
    return dict(zip(("partition_key", "sort_key"), attributes, strict=False))
