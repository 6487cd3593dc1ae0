"""Task tokens on DynamoDB, in a table of their own that only two functions may read."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workflow.aws.clients import client
from workflow.tables import TOKENS

KEPT_SECONDS = 366 * 24 * 3600  # An execution lives a year at most, and no token outlives it.


class DynamoTokens:
    """Implements workflow.review.decisions.Tokens."""

    def __init__(self, table: str, dynamodb: Any = None, seconds: Callable[[], float] = time.time) -> None:
        self._table, self._seconds = table, seconds
        self._dynamodb = dynamodb or client("dynamodb")

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        # Two asks of a new attempt may meet: who comes too late to replace the old tokens joins the new ones.
        for put in (self._join, self._replace, self._join):
            with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
                put(inspection_id, f"{self._seconds():017.6f} {token}", {"N": str(attempt)})
                return

    def _join(self, inspection_id: str, dated: str, attempt: dict[str, str]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"inspection_id": {"S": inspection_id}},
            UpdateExpression="SET attempt = :attempt, #expires = :expires ADD tokens :tokens",
            ConditionExpression="attribute_not_exists(inspection_id) OR attempt = :attempt",
            ExpressionAttributeNames={"#expires": TOKENS.expires},
            ExpressionAttributeValues={
                ":attempt": attempt,
                ":expires": self._expires(),
                ":tokens": {"SS": [dated]},
            },
        )

    def _replace(self, inspection_id: str, dated: str, attempt: dict[str, str]) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "inspection_id": {"S": inspection_id},
                "attempt": attempt,
                TOKENS.expires: self._expires(),
                "tokens": {"SS": [dated]},
            },
            ConditionExpression="attempt < :attempt",
            ExpressionAttributeValues={":attempt": attempt},
        )

    def _expires(self) -> dict[str, str]:
        return {"N": str(int(self._seconds()) + KEPT_SECONDS)}

    def of(self, inspection_id: str) -> list[str]:
        return [one.partition(" ")[2] for one in self._dated(inspection_id)]

    def remove(self, inspection_id: str, token: str) -> None:
        gone = [one for one in self._dated(inspection_id) if one.endswith(f" {token}")]
        if gone:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"inspection_id": {"S": inspection_id}},
                UpdateExpression="DELETE tokens :tokens",
                ExpressionAttributeValues={":tokens": {"SS": gone}},
            )

    def _dated(self, inspection_id: str) -> list[str]:
        """Tokens with the time of their coming before them, newest first."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"inspection_id": {"S": inspection_id}}, ConsistentRead=True
        )
        return sorted(answer.get("Item", {}).get("tokens", {}).get("SS", ()), reverse=True)
