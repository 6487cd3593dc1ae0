"""Commands on DynamoDB: added with audit entries, listed until they end, saved by one writer at a time."""

from dataclasses import replace
from typing import Any

import pytest

from local.resources import table_name
from workflow.aws.commands import DynamoCommandRepository
from workflow.history.search import Cursor, InspectionQuery
from workflow.inspections.inspection import AuditAction, AuditEntry, InspectionState
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, CommandKind
from workflow.tables import AUDIT, COMMAND_LOG

ENTRY = AuditEntry(
    inspection_id="i1", at="2026-01-01", actor="eve", action=AuditAction.REQUEST_STOP, decision_id="c1"
)
COMMAND = Command(
    id="c1",
    kind=CommandKind.REINSPECT,
    actor="eve",
    reason="why",
    requested_at="2026-01-01",
    query=InspectionQuery(model="m", state=InspectionState.CLOSED, verdict=Verdict.OK),
    cursor=Cursor("2026", "a"),
    messages=("done",),
)


@pytest.fixture
def repository(tables: Any) -> DynamoCommandRepository:
    return DynamoCommandRepository(table_name(COMMAND_LOG), table_name(AUDIT), tables)


def test_a_command_is_read_back_as_it_was_added(tables: Any, repository: DynamoCommandRepository) -> None:
    repository.add(COMMAND, (ENTRY,))

    assert repository.get("c1") == COMMAND
    assert repository.list_open() == [COMMAND]
    assert repository.get("c2") is None
    assert tables.scan(TableName=table_name(AUDIT))["Count"] == 1


def test_only_one_of_two_writers_saves_progress(repository: DynamoCommandRepository) -> None:
    repository.add(COMMAND, (ENTRY,))
    after = replace(COMMAND, done=3, ids=(), ended_at="2026-01-02")

    assert repository.update_if_unchanged(COMMAND, after)
    assert not repository.update_if_unchanged(COMMAND, replace(COMMAND, done=4))
    assert repository.get("c1") == after
    assert repository.list_open() == []


def test_one_process_at_a_time_executes_commands(repository: DynamoCommandRepository) -> None:
    assert repository.lock("a", "2026-01-01", "2026-01-03")
    assert not repository.lock("b", "2026-01-02", "2026-01-04")
    repository.unlock("b")
    assert not repository.lock("b", "2026-01-02", "2026-01-04")
    assert repository.lock("b", "2026-01-05", "2026-01-06"), "the first one crashed"
    repository.unlock("b")

    assert repository.lock("a", "2026-01-05", "2026-01-06")
    assert repository.list_open() == []
    assert repository.get("lock") is None


def test_a_command_that_is_added_twice_keeps_its_progress(repository: DynamoCommandRepository) -> None:
    repository.add(COMMAND, (ENTRY,))
    half = replace(COMMAND, done=3)
    repository.update_if_unchanged(COMMAND, half)

    repository.add(COMMAND, (ENTRY,))

    assert repository.get("c1") == half
