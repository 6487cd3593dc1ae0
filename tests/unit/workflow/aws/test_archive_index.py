"""Archive marks, hourly metrics and failures on DynamoDB: each counted once, each found again."""

from dataclasses import replace
from typing import Any

import pytest

from local.resources import table_name
from tests.unit.workflow.aws.test_search import rows
from workflow.aws.archive_index import DynamoArchiveIndex
from workflow.aws.hourly_metrics import DynamoMetricsStore, months_between
from workflow.aws.items import to_inspection_item
from workflow.history.metrics import FailedExecution, HourlyMetrics, InspectionMetrics, RoutedScore, Routing
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.tables import INSPECTIONS, METRICS, NAME_INDEX

ROW = replace(
    rows(1)[0],
    state=InspectionState.CLOSED,
    claimed_at="2026-02-03T04:05:00.000Z",
    closed_at="2026-02-03T04:05:06.000Z",
)


NO_SCORES: dict[Routing, tuple[float, ...]] = {Routing.CLEAR: (), Routing.ASKED: ()}


@pytest.fixture
def repositories(tables: Any) -> DynamoArchiveIndex:
    inspections, name_index, metrics = map(table_name, (INSPECTIONS, NAME_INDEX, METRICS))
    return DynamoArchiveIndex(inspections, name_index, metrics, tables)


@pytest.fixture
def figures(tables: Any) -> DynamoMetricsStore:
    return DynamoMetricsStore(table_name(METRICS), tables)


def put(tables: Any, row: Inspection) -> None:
    tables.put_item(TableName=table_name(INSPECTIONS), Item=to_inspection_item(row))


def test_an_archived_row_is_counted_in_the_same_transaction(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    put(tables, ROW)

    assert list(repositories.list_unarchived_ids()) == [ROW.id]
    assert repositories.mark_archived(ROW, InspectionMetrics({"closed": 1, "by:ann b": 1}))
    assert list(repositories.list_unarchived_ids()) == []
    assert figures.list_hours("2026-02-03", "2026-02-04") == [
        HourlyMetrics("2026-02-03T04:00:00.000Z", {"closed": 1, "by:ann b": 1}, NO_SCORES)
    ]


def test_a_row_that_changed_meanwhile_is_not_counted(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    put(tables, replace(ROW, closed_at="2026-02-03T05:00:00.000Z"))

    assert not repositories.mark_archived(ROW, InspectionMetrics({"closed": 1}))
    assert list(repositories.list_unarchived_ids()) == [ROW.id]
    assert figures.list_hours("2026-01", "2027-01") == []


def test_later_metrics_of_a_row_replace_earlier_ones(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    asked, clear = (RoutedScore(routing, 0.9853) for routing in (Routing.ASKED, Routing.CLEAR))
    states = [
        (InspectionState.WAITING, "", InspectionMetrics({"judged": 1, "asked": 1}, asked)),
        (
            InspectionState.CLOSED,
            "2026-02-03T05:00:00.000Z",
            InspectionMetrics({"judged": 1, "closed": 1}, clear),
        ),
        (InspectionState.INSPECTING, "", InspectionMetrics()),
    ]
    expected = [({"judged": 1, "asked": 1}, 1, 0), ({"judged": 1, "closed": 1}, 0, 1), ({}, 0, 0)]
    for (state, closed_at, measured), (counts, *scores) in zip(states, expected, strict=True):
        row = replace(ROW, state=state, closed_at=closed_at)
        tables.update_item(
            TableName=table_name(INSPECTIONS),
            Key={"id": {"S": row.id}},
            UpdateExpression="SET #state = :state, closed_at = :closed_at, unarchived = :yes",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":state": {"S": state},
                ":closed_at": {"S": closed_at},
                ":yes": {"S": "yes"},
            },
        )
        assert repositories.mark_archived(row, measured)
        hours = figures.list_hours("2026-02-03", "2026-02-04")
        assert {name: count for name, count in hours[0].counts.items() if count} == counts
        found = [len(hours[0].scores[routing]) for routing in (Routing.ASKED, Routing.CLEAR)]
        assert found == scores


def test_scores_are_stored_exactly_and_in_order(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    confidences = (0.98501, 1.0, 0.98499, 0.1 + 0.2, 0.98501)
    for number, confidence in enumerate(confidences):
        row = replace(ROW, id=f"{number}")
        put(tables, row)
        score = RoutedScore(Routing.CLEAR, confidence)
        assert repositories.mark_archived(row, InspectionMetrics({"closed": 1}, score))

    (hour,) = figures.list_hours("2026-02", "2026-03")
    assert hour.counts == {"closed": 5}
    assert hour.scores == {Routing.CLEAR: tuple(sorted(confidences)), Routing.ASKED: ()}


def test_scores_that_another_archiver_changed_meanwhile_are_not_overwritten(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    rows_ = [replace(ROW, id=name) for name in ("a", "b")]
    measured = InspectionMetrics({"closed": 1}, RoutedScore(Routing.CLEAR, 0.9))
    for row in rows_:
        put(tables, row)
    stale = repositories._stored_metrics(rows_[1])
    assert repositories.mark_archived(rows_[0], measured)
    read, repositories._stored_metrics = repositories._stored_metrics, lambda row: stale  # type: ignore[method-assign]
    assert not repositories.mark_archived(rows_[1], measured)
    repositories._stored_metrics = read  # type: ignore[method-assign]

    assert repositories.mark_archived(rows_[1], measured)

    (hour,) = figures.list_hours("2026-02", "2026-03")
    assert (hour.counts, hour.scores[Routing.CLEAR]) == ({"closed": 2}, (0.9, 0.9))


def test_an_open_row_is_archived_without_counts(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    waiting = replace(ROW, state=InspectionState.WAITING, closed_at="")
    put(tables, waiting)

    assert repositories.mark_archived(waiting, InspectionMetrics())
    assert list(repositories.list_unarchived_ids()) == []


def test_hourly_metrics_add_up_and_are_found_across_months(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    for number, at in enumerate(
        ("2026-01-31T23:59:00.000Z", "2026-02-01T00:01:00.000Z", "2026-02-01T00:02:00.000Z")
    ):
        row = replace(ROW, id=f"{number}", claimed_at=at, closed_at=at)
        put(tables, row)
        assert repositories.mark_archived(row, InspectionMetrics({"closed": 1}))

    assert [hour.counts["closed"] for hour in figures.list_hours("2026-01-01", "2026-03-01")] == [1, 2]
    assert [hour.at for hour in figures.list_hours("2026-02-01T00", "2026-03")] == [
        "2026-02-01T00:00:00.000Z"
    ]


def failure(day: str) -> FailedExecution:
    """Build the failure of an execution on this day."""
    return FailedExecution(
        execution=f"e-{day}", at=day, status="FAILED", state="Detect labels", error="error", cause="cause"
    )


def test_failures_are_stored_and_listed_newest_first(
    repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    failures = [failure("2026-02-01"), failure("2026-02-02")]
    for one in failures:
        assert not repositories.has_failure(one.execution)
        repositories.add_failure(one)
        assert repositories.has_failure(one.execution)

    assert figures.list_failures("2026-01-15") == failures[::-1]
    assert figures.list_failures("2026-02-02") == failures[1:]


def test_every_month_of_a_time_range_is_listed() -> None:
    assert months_between("2025-11-30", "2026-02-01") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_failures_are_read_up_to_the_limit(
    tables: Any, repositories: DynamoArchiveIndex, figures: DynamoMetricsStore
) -> None:
    for month in (1, 2):
        for day in range(1, 10):
            repositories.add_failure(failure(f"2026-0{month}-0{day}"))
    read: list[int] = []
    tables.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["ScannedCount"])
    )

    found = figures.list_failures("2026-01-08", 4)

    assert [one.at for one in found] == ["2026-02-09", "2026-02-08", "2026-02-07", "2026-02-06"]
    assert sum(read) == 4
    assert len(figures.list_failures("2026-01-08")) == 11
