"""The buckets, tables and parameters, created if they are missing."""

import json
from collections.abc import Sequence
from typing import Any

from local.settings import REGION
from workflow.aws.clients import client
from workflow.aws.parameters import create_missing_parameters
from workflow.inspections.routing_policy import DEFAULT_POLICY, NO_MODEL
from workflow.models import capacity_policy
from workflow.tables import TABLES, Index, Table

INBOUND_BUCKET = "partcheck-inbound"
FILED_BUCKET = "partcheck-filed"
TRAINING_BUCKET = "partcheck-training"
HISTORY_BUCKET = "partcheck-history"
POLICY_PARAMETER = "/partcheck/policy"
MODEL_PARAMETER = "/partcheck/model"


def create_buckets() -> None:
    """Create the versioned buckets. The inbound bucket sends its events to EventBridge."""
    s3 = client("s3")
    existing = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for name in (INBOUND_BUCKET, FILED_BUCKET, TRAINING_BUCKET, HISTORY_BUCKET):
        if name not in existing:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=INBOUND_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def table_name(table: Table) -> str:
    """Return the name of a table in the local environment."""
    return f"partcheck-{table.name}"


def create_tables() -> None:
    """Create all missing tables and indexes."""
    for table in TABLES:
        create_table(table)


def create_table(table: Table) -> None:
    """Create a table with its indexes, or add missing indexes to an existing table."""
    settings: dict[str, Any] = {
        "TableName": table_name(table),
        "KeySchema": _key_schema(table.key),
        "AttributeDefinitions": _attributes(table),
        "BillingMode": "PAY_PER_REQUEST",
        # The local AWS takes the images of changed items from the stream (local/ministack_state.py).
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    if table.indexes:
        settings["GlobalSecondaryIndexes"] = [_index(index) for index in table.indexes]
    dynamodb = client("dynamodb")
    try:
        dynamodb.create_table(**settings)
    except dynamodb.exceptions.ResourceInUseException:
        _add_indexes(table)
        return
    waiter = {"Delay": 0.1, "MaxAttempts": 600}
    dynamodb.get_waiter("table_exists").wait(TableName=table_name(table), WaiterConfig=waiter)


def _add_indexes(table: Table) -> None:
    dynamodb = client("dynamodb")
    existing = dynamodb.describe_table(TableName=table_name(table))["Table"].get("GlobalSecondaryIndexes", [])
    names = {index["IndexName"] for index in existing}
    for index in table.indexes:
        if index.name not in names:  # DynamoDB accepts one new index per call.
            dynamodb.update_table(
                TableName=table_name(table),
                AttributeDefinitions=_attributes(table),
                GlobalSecondaryIndexUpdates=[{"Create": _index(index)}],
            )


def _attributes(table: Table) -> list[dict[str, str]]:
    return [{"AttributeName": attribute, "AttributeType": "S"} for attribute in table.key_attributes]


def _index(index: Index) -> dict[str, Any]:
    return {"IndexName": index.name, "KeySchema": _key_schema(index.key), "Projection": _projection(index)}


def _projection(index: Index) -> dict[str, Any]:
    others = {"NonKeyAttributes": list(index.non_key_attributes)} if index.non_key_attributes else {}
    return {"ProjectionType": index.projection_type, **others}


def _key_schema(attributes: Sequence[str]) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(attributes, kinds, strict=False)]


def create_parameters() -> None:
    """Create the parameters for routing policy, model and capacity policy. Keep existing values."""
    defaults = {
        POLICY_PARAMETER: json.dumps(DEFAULT_POLICY),
        MODEL_PARAMETER: NO_MODEL,
        capacity_policy.capacity_parameter(MODEL_PARAMETER): capacity_policy.LOCAL_POLICY,
    }
    create_missing_parameters(defaults, {})
