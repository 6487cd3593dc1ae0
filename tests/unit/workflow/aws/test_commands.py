"""Commands on DynamoDB: asked with their audit entry, open until they end, advanced by one at a time."""

from dataclasses import replace
from typing import Any

import pytest

from local.resources import table_name
from workflow.aws.commands import DynamoCommands
from workflow.history.search import Mark, Query
from workflow.inspections.inspection import AuditEntry, State
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, Kind
from workflow.tables import AUDIT, COMMANDS

ENTRY = AuditEntry("i1", "2026-01-01", "eve", "ask: stop", decision_id="c1")
COMMAND = Command(
    "c1",
    Kind.AGAIN,
    "eve",
    "why",
    "2026-01-01",
    query=Query(model="m", state=State.CLOSED, verdict=Verdict.OK),
    mark=Mark("2026", "a"),
    told=("done",),
)


@pytest.fixture
def books(tables: Any) -> DynamoCommands:
    return DynamoCommands(table_name(COMMANDS), table_name(AUDIT), tables)


def test_a_command_is_read_back_as_it_was_asked(tables: Any, books: DynamoCommands) -> None:
    books.ask(COMMAND, (ENTRY,))

    assert books.get("c1") == COMMAND
    assert books.open() == [COMMAND]
    assert books.get("c2") is None
    assert tables.scan(TableName=table_name(AUDIT))["Count"] == 1


def test_only_one_of_two_advances_a_command(books: DynamoCommands) -> None:
    books.ask(COMMAND, (ENTRY,))
    after = replace(COMMAND, done=3, ids=(), ended_at="2026-01-02")

    assert books.advance(COMMAND, after)
    assert not books.advance(COMMAND, replace(COMMAND, done=4))
    assert books.get("c1") == after
    assert books.open() == []


def test_a_command_that_is_asked_for_twice_goes_on_where_it_is(books: DynamoCommands) -> None:
    books.ask(COMMAND, (ENTRY,))
    half = replace(COMMAND, done=3)
    books.advance(COMMAND, half)

    books.ask(COMMAND, (ENTRY,))

    assert books.get("c1") == half
