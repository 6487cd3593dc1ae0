"""The record of the models' life, in the audit table under keys that no inspection has."""

import json
import uuid
from typing import Any

from workflow.aws.clients import client
from workflow.aws.items import values
from workflow.models.promotion import ModelEvent

LIFE, POWER = "model", "model-power"


class DynamoRecord:
    """Implements workflow.models.promotion.Record; `book` keeps people's decisions apart from the power log."""

    def __init__(self, table: str, book: str = LIFE, dynamodb: Any = None) -> None:
        self._table, self._book = table, book
        self._dynamodb = dynamodb or client("dynamodb")

    def add(self, event: ModelEvent) -> None:
        plain = {
            "inspection_id": self._book,
            "at": f"{event.at}#{uuid.uuid4()}",
            "moment": event.at,
            "who": event.who,
            "action": event.action,
            "before": event.before,
            "after": event.after,
            "reason": event.reason,
            "decision_id": "",
            "facts": json.dumps(event.facts),
        }
        self._dynamodb.put_item(TableName=self._table, Item=values(plain))

    def events(self, *actions: str) -> list[ModelEvent]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="inspection_id = :book",
            ExpressionAttributeValues=values({":book": self._book}),
            ConsistentRead=True,
        )
        found = [_event(item) for page in pages for item in page["Items"]]
        return [event for event in found if not actions or event.action in actions]


def _event(item: dict[str, Any]) -> ModelEvent:
    text = {name: str(value["S"]) for name, value in item.items()}
    return ModelEvent(
        at=text["moment"],
        who=text["who"],
        action=text["action"],
        after=text["after"],
        before=text["before"],
        reason=text["reason"],
        facts=json.loads(text["facts"]),
    )
