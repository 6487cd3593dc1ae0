"""The traces that one inspection leaves in a line: finding its message, and taking them all away."""

from typing import Any

from workflow.aws.archive import key
from workflow.aws.clients import client
from workflow.aws.items import values
from workflow.aws.search import DynamoSearch
from workflow.aws.site import Site
from workflow.history.archiver import executions_of
from workflow.inspections.inspection import Inspection

LOOKS = 20


def take_message(queue_url: str, body: str, sqs: Any = None) -> bool:
    """Take exactly this message from a queue, and leave all others as they are; False if it is not seen.

    It is not seen when it was read already, or when too many others wait.
    A visibility timeout of zero leaves messages visible to their readers while they are looked at.
    """
    service = sqs or client("sqs")
    for _ in range(LOOKS):
        answer = service.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1
        )
        messages = answer.get("Messages", ())
        for message in messages:
            if message["Body"] == body:
                service.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
                return True
        if not messages:
            return False
    return False


def forget(site: Site, row: Inspection, s3: Any = None, dynamodb: Any = None) -> None:
    """Delete a photo's versions, its executions' records, its names, its token, what people did, its row."""
    objects, tables = s3 or client("s3"), dynamodb or client("dynamodb")
    for image in filter(None, (row.image, row.location, row.leftover)):
        objects.delete_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
    for execution in executions_of(row):
        kept = objects.list_object_versions(Bucket=site.history_bucket, Prefix=key(execution))
        for one in kept.get("Versions", ()):
            objects.delete_object(Bucket=site.history_bucket, Key=one["Key"], VersionId=one["VersionId"])
    DynamoSearch(site.ledger_table, site.names_table, tables).remove_name(row)
    entries = tables.query(
        TableName=site.audit_table,
        KeyConditionExpression="inspection_id = :id",
        ExpressionAttributeValues=values({":id": row.id}),
    )
    for entry in entries["Items"]:
        place = {name: entry[name] for name in ("inspection_id", "at")}
        tables.delete_item(TableName=site.audit_table, Key=place)
    tables.delete_item(TableName=site.token_table, Key=values({"inspection_id": row.id}))
    tables.delete_item(TableName=site.ledger_table, Key=values({"id": row.id}))
