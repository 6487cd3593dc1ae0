"""Commands on DynamoDB, each asked for in one transaction with its entries in the audit trail."""

import json
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.conditions import refused
from workflow.aws.items import audit_item, values
from workflow.inspections.inspection import AuditEntry
from workflow.recovery import commands
from workflow.recovery.commands import Command

MOST_OPEN = 25


class DynamoCommands:
    """Implements workflow.recovery.commands.Commands; only open commands are in the index."""

    def __init__(self, table: str, audit_table: str, dynamodb: Any = None) -> None:
        self._table, self._audit_table = table, audit_table
        self._dynamodb = dynamodb or client("dynamodb")

    def ask(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        new = {"ConditionExpression": "attribute_not_exists(id)"}
        puts = [{"TableName": self._table, "Item": _item(command), **new}]
        puts += [{"TableName": self._audit_table, "Item": audit_item(entry)} for entry in entries]
        try:
            self._dynamodb.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except ClientError as error:
            if not refused(error):
                raise

    def get(self, command_id: str) -> Command | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=values({"id": command_id}), ConsistentRead=True
        )
        return _command(answer["Item"]) if "Item" in answer else None

    def open(self) -> list[Command]:
        answer = self._dynamodb.query(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="#open = :yes",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues=values({":yes": "yes"}),
            Limit=MOST_OPEN,
        )
        found = (self.get(item["id"]["S"]) for item in answer["Items"])
        return [command for command in found if command and not command.ended_at]

    def advance(self, before: Command, after: Command) -> bool:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(after),
                ConditionExpression="progress = :before",
                ExpressionAttributeValues=values({":before": _progress(before)}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _item(command: Command) -> dict[str, Any]:
    plain = {
        "id": command.id,
        "asked_at": command.asked_at,
        "command": json.dumps(commands.plain(command)),
        "progress": _progress(command),
    }
    return values(plain if command.ended_at else {**plain, "open": "yes"})


def _progress(command: Command) -> str:
    mark = f"{command.mark.at} {command.mark.id}" if command.mark else ""
    return f"{command.done} {command.refused} {mark} {command.ended_at}"


def _command(item: dict[str, Any]) -> Command:
    return commands.read(json.loads(item["command"]["S"]))
