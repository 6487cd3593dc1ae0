"""Commands are obeyed with the function's own settings, by a message or by the clock alone."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from lambdas import obey_commands, wiring
from local.resources import table_name
from tests.unit.workflow.aws.conftest import tables  # noqa: F401
from tests.unit.workflow.aws.test_search import rows
from workflow.aws.commands import DynamoCommands
from workflow.aws.items import to_item
from workflow.aws.ledger import DynamoLedger
from workflow.inspections.inspection import State
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, Kind, ask
from workflow.tables import TABLES


def test_a_photo_is_inspected_again_by_the_clock(
    tables: Any,  # noqa: F811
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = boto3.client("sqs").create_queue(QueueName="decisions")["QueueUrl"]
    names = {table.variable: table_name(table) for table in TABLES}
    machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:Line"
    for name, value in {**names, "DECISION_QUEUE_URL": url, "STATE_MACHINE_ARN": machine}.items():
        monkeypatch.setenv(name, value)
    for port in (wiring.queue, wiring.shelf, wiring.executions):
        port.cache_clear()
    row = replace(
        rows(1)[0], state=State.CLOSED, verdict=Verdict.OK, closed_at="2026-01-01", settled_at="2026"
    )
    tables.put_item(TableName=names["LEDGER_TABLE"], Item=to_item(row))
    books = DynamoCommands(names["COMMAND_TABLE"], names["AUDIT_TABLE"])
    ask(books, Command("c1", Kind.AGAIN, "eve", "a scratched lens", "2026-01-02", (row.id,)))

    assert obey_commands.handler({}, context) == {"batchItemFailures": []}
    ledger = DynamoLedger(names["LEDGER_TABLE"], names["AUDIT_TABLE"])
    again = ledger.get(row.id)
    assert again is not None
    assert (again.revision, again.state) == (2, State.INSPECTING)
    assert [entry.action for entry in ledger.audit_trail(row.id)] == ["ask: inspect again", "inspect again"]
