"""The audit trail on DynamoDB."""

from collections.abc import Iterator
from typing import Any

from workflow.aws.clients import client
from workflow.aws.items import from_audit_item, to_attribute_values, to_audit_item
from workflow.inspections.inspection import AuditEntry


class DynamoAuditLog:
    """Implements workflow.inspections.repository.AuditLog."""

    def __init__(self, audit_table: str, dynamodb: Any = None) -> None:
        self._audit_table, self._dynamodb = audit_table, dynamodb or client("dynamodb")

    def append_audit_entry(self, entry: AuditEntry) -> None:
        self._dynamodb.put_item(TableName=self._audit_table, Item=to_audit_item(entry))

    def get_audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._audit_table,
            KeyConditionExpression="inspection_id = :id",
            ExpressionAttributeValues=to_attribute_values({":id": inspection_id}),
            ConsistentRead=True,
        )
        return [from_audit_item(item) for page in pages for item in page["Items"]]

    def list_audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        names, values = {"#day": "day"}, {":day": day}
        if since:
            names["#at"], values[":since"] = "at", since
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._audit_table,
            IndexName="by_day",
            KeyConditionExpression="#day = :day" + (" AND #at >= :since" if since else ""),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_attribute_values(values),
            ScanIndexForward=not newest_first,
        )
        return (from_audit_item(item) for page in pages for item in page["Items"])
