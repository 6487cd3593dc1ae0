"""The line's buckets, tables and parameters, created where they are missing."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from local.settings import REGION
from workflow import power_policy
from workflow.aws.clients import client

INBOUND_BUCKET = "partcheck-inbound"
FILED_BUCKET = "partcheck-filed"
TRAINING_BUCKET = "partcheck-training"
LEDGER_TABLE = "partcheck-ledger"
AUDIT_TABLE = "partcheck-audit"
TOKEN_TABLE = "partcheck-tokens"  # noqa: S105
POLICY_PARAMETER = "/partcheck/policy"
MODEL_PARAMETER = "/partcheck/model"
NO_MODEL = "none"

FIRST_POLICY = {
    "version": "1",
    "labels": {
        "ok": {"verdict": "ok", "threshold": 0.8},
        "defect": {"verdict": "defect", "threshold": 0.8},
        "ok_front": {"verdict": "ok", "threshold": 0.8},
        "def_front": {"verdict": "defect", "threshold": 0.8},
    },
}


def create_buckets() -> None:
    """Versioned buckets; what arrives in the inbound one is told to EventBridge."""
    s3 = client("s3")
    there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    for name in (INBOUND_BUCKET, FILED_BUCKET, TRAINING_BUCKET):
        if name not in there:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=INBOUND_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def create_tables() -> None:
    """The ledger with its three indexes, the audit trail, the task tokens."""
    indexes = {f"by_{name}": (name, "claimed_at") for name in ("state", "day", "name")}
    _create_table(LEDGER_TABLE, ("id",), indexes)
    _create_table(AUDIT_TABLE, ("inspection_id", "at"), {})
    _create_table(TOKEN_TABLE, ("inspection_id",), {})


def _create_table(name: str, key: Sequence[str], indexes: Mapping[str, Sequence[str]]) -> None:
    attributes = {*key, *(attribute for index in indexes.values() for attribute in index)}
    settings: dict[str, Any] = {
        "TableName": name,
        "KeySchema": _key_schema(key),
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in sorted(attributes)
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    if indexes:
        settings["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _key_schema(of), "Projection": {"ProjectionType": "ALL"}}
            for index, of in indexes.items()
        ]
    dynamodb = client("dynamodb")
    try:
        dynamodb.create_table(**settings)
    except dynamodb.exceptions.ResourceInUseException:
        return
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})


def _key_schema(attributes: Sequence[str]) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(attributes, kinds, strict=False)]


def create_parameters() -> None:
    """The routing policy, the model in use, its power policy; values that are there stay."""
    ssm = client("ssm")
    first = {
        POLICY_PARAMETER: json.dumps(FIRST_POLICY),
        MODEL_PARAMETER: NO_MODEL,
        power_policy.parameter_of(MODEL_PARAMETER): power_policy.LOCAL_POLICY,
    }
    for name, value in first.items():
        try:
            ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=False)
        except ssm.exceptions.ParameterAlreadyExists:
            continue
