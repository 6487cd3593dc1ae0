"""Cleanup after a smoke test: take its message from the queue, delete everything stored for its photo."""

from typing import Any

from workflow.aws.archive import object_key
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values
from workflow.aws.search import DynamoInspectionSearch
from workflow.aws.stack_outputs import StackOutputs
from workflow.history.archiver import execution_names
from workflow.inspections.inspection import Inspection

MAX_RECEIVE_CALLS = 20


def remove_message(queue_url: str, body: str, sqs: Any = None) -> bool:
    """Delete exactly this message from a queue. Return False if it is not found.

    It is not found if another reader has it, or if too many other messages wait. A visibility timeout of zero
    keeps the other messages visible to their readers.
    """
    service = sqs or client("sqs")
    for _ in range(MAX_RECEIVE_CALLS):
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


def delete_inspection(outputs: StackOutputs, row: Inspection, s3: Any = None, dynamodb: Any = None) -> None:
    """Delete an inspection with its object versions, archive records, name index and token.

    Audit entries stay: no one deletes what people and commands did.
    """
    objects, tables = s3 or client("s3"), dynamodb or client("dynamodb")
    for image in filter(None, (row.image, row.location, row.pending_delete)):
        objects.delete_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
    for execution in execution_names(row):
        answer = objects.list_object_versions(Bucket=outputs.history_bucket, Prefix=object_key(execution))
        for version in answer.get("Versions", ()):
            objects.delete_object(
                Bucket=outputs.history_bucket, Key=version["Key"], VersionId=version["VersionId"]
            )
    DynamoInspectionSearch(outputs.inspections_table, outputs.name_index_table, tables).remove_name(row)
    tables.delete_item(
        TableName=outputs.task_tokens_table, Key=to_attribute_values({"inspection_id": row.id})
    )
    tables.delete_item(TableName=outputs.inspections_table, Key=to_attribute_values({"id": row.id}))
