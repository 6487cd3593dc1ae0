"""Commands are processed with the function's own settings, by a message or by the schedule alone."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from lambdas import container, process_commands
from local.resources import table_name
from tests.unit.workflow.aws.conftest import tables  # noqa: F401
from tests.unit.workflow.aws.test_search import rows
from workflow.aws.commands import DynamoCommandRepository
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.items import to_inspection_item
from workflow.inspections.inspection import InspectionState
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, CommandKind, submit
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
    container.production.cache_clear()
    row = replace(
        rows(1)[0],
        state=InspectionState.CLOSED,
        verdict=Verdict.OK,
        closed_at="2026-01-01",
        settled_at="2026",
    )
    tables.put_item(TableName=names["INSPECTIONS_TABLE"], Item=to_inspection_item(row))
    books = DynamoCommandRepository(names["COMMAND_LOG_TABLE"], names["AUDIT_TABLE"])
    submit(
        books,
        Command(
            id="c1",
            kind=CommandKind.REINSPECT,
            actor="eve",
            reason="a scratched lens",
            requested_at="2026-01-02",
            ids=(row.id,),
        ),
    )

    assert books.lock("another call", "2026-01-02", "2126-01-02")
    process_commands.handler({}, context)
    assert books.list_open()[0].attempted == 0
    books.unlock("another call")

    assert process_commands.handler({}, context) == {"batchItemFailures": []}
    assert books.lock("the next call", "2026-01-02", "2026-01-03")
    inspections = DynamoInspectionRepository(names["INSPECTIONS_TABLE"], names["AUDIT_TABLE"])
    again = inspections.get(row.id)
    assert again is not None
    assert (again.revision, again.state) == (2, InspectionState.INSPECTING)
    assert [entry.action for entry in inspections.get_audit_trail(row.id)] == [
        "request: reinspect",
        "reinspect",
    ]
