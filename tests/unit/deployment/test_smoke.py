"""The smoke test's cleanup deletes its own inspection and nothing else."""

from dataclasses import fields
from typing import Any

from deployment.smoke_cleanup import delete_inspection, remove_message
from local.resources import table_name
from tests.unit.pipeline import Pipeline
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.archive import object_key
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values, to_inspection_item
from workflow.aws.search import DynamoInspectionSearch
from workflow.aws.stack_outputs import StackOutputs
from workflow.history.archiver import execution_names
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.tables import AUDIT, INSPECTIONS, NAME_INDEX, TASK_TOKENS

BUCKETS = ("inbound", "filed", "history")
OUTPUTS = StackOutputs(
    **{field.name: field.name for field in fields(StackOutputs)}
    | {f"{name}_bucket": name for name in BUCKETS}
    | {f"{name}_table": table_name(table) for name, table in (("inspections", INSPECTIONS), ("audit", AUDIT))}
    | {"task_tokens_table": table_name(TASK_TOKENS), "name_index_table": table_name(NAME_INDEX)}
)


def store_inspection(name: str) -> Inspection:
    """Store an inspection with everything that a stage keeps for it."""
    s3, tables = client("s3"), client("dynamodb")
    version = s3.put_object(Bucket="inbound", Key=name, Body=b"photo")["VersionId"]
    pipeline, image = Pipeline(), Image("inbound", name, version)
    pipeline.claim(image, pipeline.start(image))
    row = pipeline.inspections.rows[inspection_id(image)]
    for _ in ("while it ran", "when it had ended"):
        s3.put_object(Bucket="history", Key=object_key(execution_names(row)[0]), Body=b"record")
    tables.put_item(TableName=OUTPUTS.inspections_table, Item=to_inspection_item(row))
    tables.put_item(
        TableName=OUTPUTS.audit_table, Item=to_attribute_values({"inspection_id": row.id, "at": "1"})
    )
    tables.put_item(TableName=OUTPUTS.task_tokens_table, Item=to_attribute_values({"inspection_id": row.id}))
    DynamoInspectionSearch(OUTPUTS.inspections_table, OUTPUTS.name_index_table).add_name(row)
    return row


def count_stored() -> dict[str, int]:
    s3, tables = client("s3"), client("dynamodb")
    names = (
        OUTPUTS.inspections_table,
        OUTPUTS.audit_table,
        OUTPUTS.task_tokens_table,
        OUTPUTS.name_index_table,
    )
    rows = {name: tables.scan(TableName=name)["Count"] for name in names}
    buckets = {name: s3.list_object_versions(Bucket=name) for name in BUCKETS}
    return rows | {
        name: len([*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())])
        for name, versions in buckets.items()
    }


def test_everything_of_one_inspection_is_deleted_and_nothing_of_another(tables: Any) -> None:
    for name in BUCKETS:
        place = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    store_inspection("line 1/theirs.png")
    before = count_stored()
    ours = store_inspection("partcheck-smoke/partcheck-smoke-1-part.jpg")

    delete_inspection(OUTPUTS, ours)

    assert count_stored() == before
    assert all(count > 0 for name, count in before.items() if name != "filed")


def test_a_message_is_removed_and_the_others_stay_visible() -> None:
    expected_request = {
        "QueueUrl": "q",
        "MaxNumberOfMessages": 10,
        "VisibilityTimeout": 0,
        "WaitTimeSeconds": 1,
    }
    with stubbed("sqs") as (client, stub):
        messages = [{"Body": body, "ReceiptHandle": f"handle of {body}"} for body in ("theirs", "ours")]
        stub.add_response("receive_message", {"Messages": messages}, expected_request)
        stub.add_response("delete_message", {}, {"QueueUrl": "q", "ReceiptHandle": "handle of ours"})

        assert remove_message("q", "ours", client) is True


def test_a_message_that_is_already_received_is_not_found() -> None:
    with stubbed("sqs") as (client, stub):
        stub.add_response("receive_message", {})

        assert remove_message("q", "ours", client) is False
