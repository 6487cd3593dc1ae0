"""Commands on DynamoDB, each added in one transaction with its audit entries."""

import json
from typing import Any

from workflow.aws.clients import client
from workflow.aws.conditional_writes import try_write
from workflow.aws.items import to_attribute_values, to_audit_item
from workflow.inspections.inspection import AuditEntry
from workflow.recovery import commands
from workflow.recovery.commands import Command

MAX_OPEN = 25
LOCK_ID = "lock"


class DynamoCommandRepository:
    """Implements workflow.recovery.commands.CommandRepository. Only open commands are in the index."""

    def __init__(self, table: str, audit_table: str, dynamodb: Any = None) -> None:
        self._table, self._audit_table = table, audit_table
        self._dynamodb = dynamodb or client("dynamodb")

    def add(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        if_new = {"ConditionExpression": "attribute_not_exists(id)"}
        puts = [{"TableName": self._table, "Item": _to_item(command), **if_new}]
        puts += [{"TableName": self._audit_table, "Item": to_audit_item(entry)} for entry in entries]
        try_write(lambda: self._dynamodb.transact_write_items(TransactItems=[{"Put": put} for put in puts]))

    def get(self, command_id: str) -> Command | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=to_attribute_values({"id": command_id}), ConsistentRead=True
        )
        return _from_item(answer["Item"]) if "command" in answer.get("Item", {}) else None

    def list_open(self) -> list[Command]:
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="#open = :yes",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=to_attribute_values({":yes": "yes"}),
            Limit=MAX_OPEN,
        )
        listed = (self.get(item["id"]["S"]) for item in answer["Items"])
        return [command for command in listed if command and not command.ended_at]

    def update_if_unchanged(self, before: Command, after: Command) -> bool:
        answer = try_write(
            lambda: self._dynamodb.put_item(
                TableName=self._table,
                Item=_to_item(after),
                ConditionExpression="progress = :before",
                ExpressionAttributeValues=to_attribute_values({":before": _progress(before)}),
            )
        )
        return answer is not None

    def lock(self, owner: str, now: str, until: str) -> bool:
        return self._put_lock(owner, until, "attribute_not_exists(id) OR #until < :now", {":now": now})

    def unlock(self, owner: str) -> None:
        self._put_lock(owner, "", "#owner = :owner AND #until > :free", {":owner": owner, ":free": ""})

    def _put_lock(self, owner: str, until: str, condition: str, values: dict[str, str]) -> bool:
        """Store the lock beside the commands. Return False if the condition does not hold."""
        names = {"#until": "until", "#owner": "owner"}
        answer = try_write(
            lambda: self._dynamodb.put_item(
                TableName=self._table,
                Item=to_attribute_values({"id": LOCK_ID, "owner": owner, "until": until}),
                ConditionExpression=condition,
                ExpressionAttributeNames={key: name for key, name in names.items() if key in condition},
                ExpressionAttributeValues=to_attribute_values(values),
            )
        )
        return answer is not None


def _to_item(command: Command) -> dict[str, Any]:
    plain = {
        "id": command.id,
        "requested_at": command.requested_at,
        "command": json.dumps(commands.to_dict(command)),
        "progress": _progress(command),
    }
    return to_attribute_values(plain if command.ended_at else {**plain, "open": "yes"})


def _progress(command: Command) -> str:
    cursor = f"{command.cursor.at} {command.cursor.id}" if command.cursor else ""
    return f"{command.done} {command.refused} {cursor} {command.ended_at}"


def _from_item(item: dict[str, Any]) -> Command:
    return commands.from_dict(json.loads(item["command"]["S"]))
