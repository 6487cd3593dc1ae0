"""Marks, counts and failures on DynamoDB: each counted once, each found again."""

from dataclasses import replace
from typing import Any

import pytest

from local.resources import table_name
from tests.unit.workflow.aws.test_search import rows
from workflow.aws.figures import DynamoBooks, DynamoFigures, months
from workflow.aws.items import to_item
from workflow.history.metrics import Failure, Hour
from workflow.inspections.inspection import Inspection, State
from workflow.tables import FIGURES, LEDGER, NAMES

ROW = replace(rows(1)[0], state=State.CLOSED, closed_at="2026-02-03T04:05:06.000Z")


@pytest.fixture
def books(tables: Any) -> DynamoBooks:
    return DynamoBooks(*map(table_name, (LEDGER, NAMES, FIGURES)), tables)


@pytest.fixture
def figures(tables: Any) -> DynamoFigures:
    return DynamoFigures(table_name(FIGURES), tables)


def put(tables: Any, row: Inspection) -> None:
    tables.put_item(TableName=table_name(LEDGER), Item=to_item(row))


def test_a_row_that_is_kept_is_counted_in_the_same_moment(
    tables: Any, books: DynamoBooks, figures: DynamoFigures
) -> None:
    put(tables, ROW)

    assert list(books.unkept()) == [ROW.id]
    assert books.kept(ROW, {"closed": 1, "by:ann b": 1})
    assert list(books.unkept()) == []
    assert figures.hours("2026-02-03", "2026-02-04") == [
        Hour("2026-02-03T04:00:00.000Z", {"closed": 1, "by:ann b": 1})
    ]


def test_a_row_that_changed_meanwhile_is_not_counted(
    tables: Any, books: DynamoBooks, figures: DynamoFigures
) -> None:
    put(tables, replace(ROW, closed_at="2026-02-03T05:00:00.000Z"))

    assert not books.kept(ROW, {"closed": 1})
    assert list(books.unkept()) == [ROW.id]
    assert figures.hours("2026-01", "2027-01") == []


def test_an_open_row_is_only_marked(tables: Any, books: DynamoBooks, figures: DynamoFigures) -> None:
    waiting = replace(ROW, state=State.WAITING, closed_at="")
    put(tables, waiting)

    assert books.kept(waiting, {})
    assert list(books.unkept()) == []


def test_hours_add_up_and_are_found_over_months(
    tables: Any, books: DynamoBooks, figures: DynamoFigures
) -> None:
    for number, at in enumerate(
        ("2026-01-31T23:59:00.000Z", "2026-02-01T00:01:00.000Z", "2026-02-01T00:02:00.000Z")
    ):
        row = replace(ROW, id=f"{number}", closed_at=at)
        put(tables, row)
        assert books.kept(row, {"closed": 1})

    assert [hour.counts["closed"] for hour in figures.hours("2026-01-01", "2026-03-01")] == [1, 2]
    assert [hour.at for hour in figures.hours("2026-02-01T00", "2026-03")] == ["2026-02-01T00:00:00.000Z"]


def test_a_failure_is_remembered_and_found_newest_first(books: DynamoBooks, figures: DynamoFigures) -> None:
    some = [
        Failure(f"e-{day}", f"2026-02-0{day}", "FAILED", "Detect labels", "error", "cause") for day in (1, 2)
    ]
    for failure in some:
        assert not books.knows_failure(failure.execution)
        books.add_failure(failure)
        assert books.knows_failure(failure.execution)

    assert figures.failures("2026-01-15") == some[::-1]
    assert figures.failures("2026-02-02") == some[1:]


def test_a_span_touches_every_month_in_it() -> None:
    assert months("2025-11-30", "2026-02-01") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_only_as_many_failures_are_read_as_are_asked_for(tables: Any, books: DynamoBooks) -> None:
    for month in (1, 2):
        for day in range(1, 10):
            at = f"2026-0{month}-0{day}"
            books.add_failure(Failure(f"e{month}-{day}", at, "FAILED", "Detect labels", "error", "cause"))
    read: list[int] = []
    tables.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["ScannedCount"])
    )

    found = DynamoFigures(table_name(FIGURES), tables).failures("2026-01-08", 4)

    assert [one.at for one in found] == ["2026-02-09", "2026-02-08", "2026-02-07", "2026-02-06"]
    assert sum(read) == 4
    assert len(DynamoFigures(table_name(FIGURES), tables).failures("2026-01-08")) == 11
