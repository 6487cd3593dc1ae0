"""Task tokens on DynamoDB, in a table of their own that only two functions may read."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from workflow.aws.clients import client
from workflow.tables import TOKENS

KEPT_SECONDS = 366 * 24 * 3600  # An execution lives a year at most, and no token outlives it.


class DynamoTokens:
    """Implements workflow.review.Tokens."""

    def __init__(self, table: str, dynamodb: Any = None, seconds: Callable[[], float] = time.time) -> None:
        self._table, self._seconds = table, seconds
        self._dynamodb = dynamodb or client("dynamodb")

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        number, expires = {"N": str(attempt)}, {"N": str(int(self._seconds()) + KEPT_SECONDS)}
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "inspection_id": {"S": inspection_id},
                    "token": {"S": token},
                    "attempt": number,
                    TOKENS.expires: expires,
                },
                ConditionExpression="attribute_not_exists(inspection_id) OR attempt <= :attempt",
                ExpressionAttributeValues={":attempt": number},
            )

    def get(self, inspection_id: str) -> str | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"inspection_id": {"S": inspection_id}}, ConsistentRead=True
        )
        return str(answer["Item"]["token"]["S"]) if "Item" in answer else None

    def remove(self, inspection_id: str, token: str) -> None:
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"inspection_id": {"S": inspection_id}},
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":token": {"S": token}},
            )
