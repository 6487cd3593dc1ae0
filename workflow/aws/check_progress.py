"""The progress of the scheduled consistency check: an item of the inspections table that is in no index."""

import json
from dataclasses import asdict
from typing import Any

from workflow.aws.clients import client
from workflow.recovery.scheduled_check import CheckProgress

_KEY = {"id": {"S": "consistency-check"}}


class DynamoCheckProgressStore:
    """Implements workflow.recovery.scheduled_check.CheckProgressStore. Inspection ids are hexadecimal."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def load(self) -> CheckProgress:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        if "Item" not in answer:
            return CheckProgress()
        return CheckProgress(**json.loads(answer["Item"]["progress"]["S"]))

    def save(self, progress: CheckProgress) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="SET #progress = :progress",
            ExpressionAttributeNames={"#progress": "progress"},
            ExpressionAttributeValues={":progress": {"S": json.dumps(asdict(progress))}},
        )
