"""Task tokens on DynamoDB: a table for reviews and one for waits, each read by few functions."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workflow.aws.clients import client
from workflow.inspections.objects import InspectionId
from workflow.pipeline.executions import TaskToken
from workflow.tables import TASK_TOKENS

TTL_SECONDS = 366 * 24 * 3600  # An execution runs for a year at most, and no token is valid for longer.


class DynamoTaskTokenStore:
    """Implements workflow.pipeline.executions.TaskTokenStore."""

    def __init__(self, table: str, dynamodb: Any = None, seconds: Callable[[], float] = time.time) -> None:
        self._table, self._seconds = table, seconds
        self._dynamodb = dynamodb or client("dynamodb")

    def put(self, inspection_id: InspectionId, token: str, attempt: int) -> None:
        # Two requests of a new attempt may collide: the loser adds its token to those of the winner.
        for put in (self._add, self._replace, self._add):
            with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
                put(inspection_id, f"{self._seconds():017.6f} {token}", {"N": str(attempt)})
                return

    def _add(self, inspection_id: InspectionId, dated: str, attempt: dict[str, str]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"inspection_id": {"S": inspection_id}},
            UpdateExpression="SET attempt = :attempt, #expires = :expires ADD tokens :tokens",
            ConditionExpression="attribute_not_exists(inspection_id) OR attempt = :attempt",
            ExpressionAttributeNames={"#expires": TASK_TOKENS.ttl_attribute},
            ExpressionAttributeValues={
                ":attempt": attempt,
                ":expires": self._expires_at(),
                ":tokens": {"SS": [dated]},
            },
        )

    def _replace(self, inspection_id: InspectionId, dated: str, attempt: dict[str, str]) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "inspection_id": {"S": inspection_id},
                "attempt": attempt,
                TASK_TOKENS.ttl_attribute: self._expires_at(),
                "tokens": {"SS": [dated]},
            },
            ConditionExpression="attempt < :attempt",
            ExpressionAttributeValues={":attempt": attempt},
        )

    def _expires_at(self) -> dict[str, str]:
        return {"N": str(int(self._seconds()) + TTL_SECONDS)}

    def list_tokens(self, inspection_id: InspectionId) -> list[TaskToken]:
        return [TaskToken(dated.partition(" ")[2]) for dated in self._list_dated(inspection_id)]

    def remove(self, inspection_id: InspectionId, token: str) -> None:
        dated = [dated for dated in self._list_dated(inspection_id) if dated.endswith(f" {token}")]
        if dated:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"inspection_id": {"S": inspection_id}},
                UpdateExpression="DELETE tokens :tokens",
                ExpressionAttributeValues={":tokens": {"SS": dated}},
            )

    def _list_dated(self, inspection_id: InspectionId) -> list[str]:
        """Return the tokens, each after the time of its arrival, newest first."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"inspection_id": {"S": inspection_id}}, ConsistentRead=True
        )
        return sorted(answer.get("Item", {}).get("tokens", {}).get("SS", ()), reverse=True)
