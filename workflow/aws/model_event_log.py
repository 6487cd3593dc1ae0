"""Model events in the audit table, under keys that no inspection has."""

import json
import uuid
from typing import Any

from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values
from workflow.models.promotion import ModelAction, ModelEvent

LIFECYCLE_EVENTS, CAPACITY_EVENTS = "model", "model-capacity"


class DynamoModelEventLog:
    """Implements workflow.models.promotion.ModelEventLog.

    `stream` separates the events of commands from those of the capacity manager.
    """

    def __init__(self, table: str, stream: str = LIFECYCLE_EVENTS, dynamodb: Any = None) -> None:
        self._table, self._stream = table, stream
        self._dynamodb = dynamodb or client("dynamodb")

    def add(self, event: ModelEvent) -> None:
        plain = {
            "inspection_id": self._stream,
            "at": f"{event.at}#{uuid.uuid4()}",
            "occurred_at": event.at,
            "actor": event.actor,
            "action": event.action,
            "before": event.before,
            "after": event.after,
            "reason": event.reason,
            "decision_id": "",
            "details": json.dumps(event.details),
        }
        self._dynamodb.put_item(TableName=self._table, Item=to_attribute_values(plain))

    def events(self, *actions: ModelAction) -> list[ModelEvent]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="inspection_id = :stream",
            ExpressionAttributeValues=to_attribute_values({":stream": self._stream}),
            ConsistentRead=True,
        )
        events = [_event(item) for page in pages for item in page["Items"]]
        return [event for event in events if not actions or event.action in actions]


def _event(item: dict[str, Any]) -> ModelEvent:
    text = {name: str(value["S"]) for name, value in item.items()}
    return ModelEvent(
        at=text["occurred_at"],
        actor=text["actor"],
        action=ModelAction(text["action"]),
        after=text["after"],
        before=text["before"],
        reason=text["reason"],
        details=json.loads(text["details"]),
    )
