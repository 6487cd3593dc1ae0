"""State of the capacity manager: two items of the inspections table that are in no index."""

import json
from dataclasses import asdict
from typing import Any

from workflow.aws.clients import client
from workflow.aws.conditional_writes import try_write
from workflow.models.capacity_manager import UsageMeter

METER, START_LOCK = "model-usage-meter", "model-start-lock"


class DynamoCapacityStore:
    """Implements workflow.models.capacity_manager.CapacityStore.

    It shares the inspections table: inspection ids are hexadecimal, its ids are not.
    """

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def load_meter(self) -> UsageMeter:
        answer = self._dynamodb.get_item(TableName=self._table, Key={"id": {"S": METER}}, ConsistentRead=True)
        if "Item" not in answer:
            return UsageMeter()
        plain = json.loads(answer["Item"]["meter"]["S"])
        running = {arn: (since, units) for arn, (since, units) in plain.pop("running").items()}
        return UsageMeter(**plain, running=running)

    def save_meter(self, before: UsageMeter, after: UsageMeter) -> bool:
        item = {
            "id": {"S": METER},
            "meter": {"S": json.dumps(asdict(after))},
            "counted_at": {"S": after.counted_at},
        }
        return self._put(
            item,
            "attribute_not_exists(#id) OR #at = :before",
            {"#id": "id", "#at": "counted_at"},
            before.counted_at or "never",
        )

    def acquire_start_lock(self, now: str, until: str) -> bool:
        return self._put(
            {"id": {"S": START_LOCK}, "until": {"S": until}},
            "attribute_not_exists(#id) OR #until <= :before",
            {"#id": "id", "#until": "until"},
            now,
        )

    def set_start_lock(self, until: str) -> None:
        item = {"id": {"S": START_LOCK}, "until": {"S": until}}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def _put(self, item: dict[str, Any], condition: str, names: dict[str, str], before: str) -> bool:
        answer = try_write(
            lambda: self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":before": {"S": before}},
            )
        )
        return answer is not None
