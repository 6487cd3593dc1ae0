"""The archiver stores and counts inspections that began, closed or failed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import (
    FakeDetector,
    InMemoryArchiveIndex,
    InMemoryExecutionArchive,
    InMemoryHistorySource,
    InMemoryInspectionSearch,
)
from tests.recorder import Recorder
from tests.unit.pipeline import CLEARLY_OK, MODEL, POLICY, UNSURE, Pipeline
from workflow import timestamps
from workflow.history import metrics
from workflow.history.archive import ExecutionRecord
from workflow.history.archiver import Archiver, archive_executions, describe_failure, execution_names
from workflow.history.metrics import HourlyMetrics, RoutedScore, Routing, duration_bin, measure_inspection
from workflow.history.search import InspectionQuery
from workflow.inspections.inspection import Decision, Inspection, InspectionState, Review
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Verdict


class Archiving:
    """A pipeline in memory with its archive, index and history source."""

    def __init__(self, *answers: Any) -> None:
        self.pipeline = Pipeline(detector=FakeDetector(*answers or (CLEARLY_OK,)))
        self.index, self.archive = InMemoryArchiveIndex(self.pipeline.inspections), InMemoryExecutionArchive()
        self.history_source = InMemoryHistorySource()

    @property
    def archiver(self) -> Archiver:
        return Archiver(
            inspections=self.pipeline.inspections,
            index=self.index,
            archive=self.archive,
            history_source=self.history_source,
            failure_source=self.history_source,
        )

    @property
    def hours(self) -> list[HourlyMetrics]:
        return self.index.list_hours("2026-01", timestamps.add_seconds(timestamps.now(), 1))

    @property
    def found_by_name(self) -> tuple[Inspection, ...]:
        search = InMemoryInspectionSearch(self.pipeline.inspections)
        return search.fetch_page(InspectionQuery(name="png")).rows

    def run(self) -> dict[str, int]:
        return archive_executions(self.archiver, lambda: True)

    def inspected(self, key: str = "a.png") -> Image:
        image = self.pipeline.upload(key=key)
        self.record(self.pipeline.inspected(image))
        return image

    def record(
        self, execution: str, status: str = "SUCCEEDED", stopped_at: str = "2026-01-01T02:00:00.000Z"
    ) -> None:
        self.history_source.records[execution] = ExecutionRecord(
            execution=execution, status=status, started_at="2026-01-01T01:00:00.000Z", stopped_at=stopped_at
        )


@pytest.fixture
def archiving() -> Archiving:
    return Archiving()


def test_a_closed_inspection_is_archived_indexed_and_counted_once(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())

    assert archiving.run() == {"archived": 1}
    assert archiving.run() == {}
    record = archiving.archive.records[row.owner]
    assert (record.status, record.inspection["id"]) == ("SUCCEEDED", row.id)
    assert archiving.found_by_name == (row,)
    (hour,) = archiving.hours
    assert hour.counts["closed"] == hour.counts["verdict:ok"] == hour.counts["score:97"] == 1


def test_an_open_inspection_is_found_by_name_and_archived_again_when_it_closes() -> None:
    archiving = Archiving(UNSURE)
    image = archiving.pipeline.upload()
    owner = archiving.pipeline.waiting(image)

    assert archiving.run() == {"archived": 1}
    assert archiving.found_by_name == (archiving.pipeline.row(image),)
    assert not archiving.archive.records
    archiving.pipeline.close(image, owner)
    archiving.record(owner)
    assert archiving.run() == {"archived": 1}
    assert owner in archiving.archive.records


def test_the_duration_of_a_revision_begins_with_its_request(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    revised = replace(
        row,
        revision=2,
        uploaded_at="2026-01-01T00:00:00.000Z",
        attempted_at="2026-01-31T00:00:00.000Z",
        settled_at="2026-01-31T00:00:05.000Z",
        review=Review(opened_at="2026-01-01T00:00:01.000Z", round=1, deadline="2026-01-08T00:00:01.000Z"),
    )

    counts = measure_inspection(revised).counts

    assert [name for name in counts if name.startswith("duration:")] == [f"duration:{duration_bin(5)}"]


def test_every_attempt_has_its_own_record(archiving: Archiving) -> None:
    image = archiving.inspected()
    row = archiving.pipeline.row(image)
    third = replace(row, owner=execution_names(replace(row, attempt=3))[-1], attempt=3)
    archiving.pipeline.inspections.rows[row.id] = third
    for name in execution_names(third):
        archiving.record(name)

    archiving.run()

    assert archiving.archive.records.keys() == set(execution_names(third))


def test_an_execution_that_is_about_to_end_is_archived_after_its_end(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    archiving.record(row.owner, "RUNNING", "")

    assert archiving.run() == {"deferred": 1}
    archiving.record(row.owner)
    assert archiving.run() == {"archived": 1}
    assert archiving.archive.records[row.owner].has_ended


def test_an_execution_that_never_ends_is_archived_unfinished(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    archiving.pipeline.inspections.rows[row.id] = replace(row, closed_at="2026-01-01T00:00:00.000Z")
    archiving.record(row.owner, "RUNNING", "")

    assert archiving.run() == {"archived": 1}


def test_a_forgotten_execution_is_archived_without_a_record(archiving: Archiving) -> None:
    archiving.pipeline.inspected(archiving.pipeline.upload())

    assert archiving.run() == {"archived": 1}
    assert not archiving.archive.records


def test_an_archived_record_is_not_fetched_again(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    archiving.archive.save(replace(archiving.history_source.records[row.owner], cause="archived"))

    archiving.run()

    assert archiving.archive.records[row.owner].cause == "archived"


def test_an_interrupted_run_is_repeated(archiving: Archiving, monkeypatch: pytest.MonkeyPatch) -> None:
    archiving.inspected()
    with monkeypatch.context() as patch:
        patch.setattr(archiving.index, "mark_archived", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            archiving.run()

    assert archiving.run() == {"archived": 1}
    (hour,) = archiving.hours
    assert hour.counts["closed"] == 1


def test_nothing_begins_when_the_time_is_up(archiving: Archiving) -> None:
    archiving.inspected()

    assert archive_executions(archiving.archiver, lambda: False) == {}
    assert archiving.run() == {"archived": 1}


def failed(archiving: Archiving, name: str = "e-1") -> ExecutionRecord:
    recorder = Recorder()
    recorder("ExecutionStarted", 0, input="{}", roleArn="role")
    recorder.enter("Task", "Detect labels")
    recorder("LambdaFunctionScheduled", resource="arn", input="{}")
    recorder("LambdaFunctionFailed", error="Lambda.Unknown", cause="it crashed")
    recorder("ExecutionFailed", error="Lambda.Unknown", cause="it crashed")
    events = tuple({**event, "timestamp": event["timestamp"].isoformat()} for event in recorder.events)
    record = ExecutionRecord(
        execution=name,
        status="FAILED",
        started_at="2026-01-01",
        stopped_at="2026-01-01T02:00:00.000Z",
        error="Lambda.Unknown",
        cause="it crashed",
        events=events,
    )
    archiving.history_source.records[name] = record
    return record


def test_a_failed_execution_is_stored_once_with_its_cause(archiving: Archiving) -> None:
    record = failed(archiving)

    assert archiving.run() == {"failures": 1}
    assert archiving.run() == {}
    (failure,) = archiving.index.list_failures("2026-01")
    assert failure == describe_failure(record)
    assert (failure.state, failure.error, failure.cause) == ("Detect labels", "Lambda.Unknown", "it crashed")
    assert archiving.archive.records["e-1"] == record


def test_quantiles_of_the_duration_are_read_from_bins() -> None:
    bins = metrics.select_bins(
        {f"duration:{metrics.duration_bin(seconds)}": 1 for seconds in (2, 8, 400)}, "duration"
    )

    assert metrics.quantile(bins, 0.5) == pytest.approx(8, rel=0.1)
    assert metrics.quantile(bins, 0.95) == pytest.approx(400, rel=0.1)
    assert metrics.quantile({}, 0.5) is None


def store_scores(archiving: Archiving, *scores: tuple[float, float]) -> None:
    """Add a photo for each pair of confidence and threshold; below the threshold it waits for a reviewer."""
    for number, (confidence, threshold) in enumerate(scores):
        image = archiving.pipeline.upload(key=f"{number}.png")
        archiving.pipeline.waiting(image) if confidence < threshold else archiving.record(
            archiving.pipeline.inspected(image)
        )
        row = archiving.pipeline.row(image)
        prediction = Prediction(
            verdict=Verdict.OK, label="ok", confidence=confidence, threshold=threshold, scores=()
        )
        archiving.pipeline.inspections.rows[row.id] = replace(row, prediction=prediction)
    archiving.run()


@pytest.mark.parametrize(
    ("threshold", "more"), [(0.985, 0), (0.9851, 1), (0.99, 2), (1.0, 3), (0.984, -1), (0.5, -2), (0.0, -3)]
)
def test_another_threshold_is_replayed_on_the_exact_scores_of_waiting_photos_too(
    threshold: float, more: int
) -> None:
    archiving = Archiving(CLEARLY_OK)
    closed = (0.985, 0.9853, 0.99, 1.0)
    store_scores(archiving, *((score, 0.985) for score in (*closed, 0.98499, 0.75, 0.3)))

    assert metrics.count_additional_reviews(archiving.hours, threshold) == more


def test_photos_that_no_threshold_routed_are_not_replayed(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    assert row.prediction is not None
    noted = replace(row, prediction=replace(row.prediction, note="the labels contradict"))

    unusual = POLICY.predict(row.prediction.scores, MODEL, ("darker than every learned photo",))

    assert measure_inspection(replace(row, prediction=unusual)).score is None
    assert measure_inspection(row).score == RoutedScore(Routing.CLEAR, row.prediction.confidence)
    assert measure_inspection(noted).score is None
    assert measure_inspection(replace(row, prediction=None)).score is None


def test_a_revision_replaces_what_it_revises_in_every_count(archiving: Archiving) -> None:
    image = archiving.inspected()
    row = archiving.pipeline.row(image)
    archiving.run()
    again = replace(row, state=InspectionState.INSPECTING, closed_at="", revision=2)
    archiving.pipeline.inspections.rows[row.id] = again
    archiving.run()
    assert not any(archiving.hours[0].counts.values())
    decision = Decision(id="d", verdict=Verdict.DEFECT, reviewer="ann", decided_at=row.settled_at)
    revised = replace(row, revision=2, verdict=Verdict.DEFECT, decision=decision, closed_at="2026-05-01")
    archiving.pipeline.inspections.rows[row.id] = revised

    archiving.run()

    (hour,) = archiving.hours
    counts = {name: count for name, count in hour.counts.items() if count and ":" not in name}
    assert counts == {"closed": 1, "judged": 1}
    assert (hour.counts["verdict:defect"], hour.counts["verdict:ok"], hour.counts["by:ann"]) == (1, 0, 1)
    assert [len(hour.scores[routing]) for routing in Routing] == [1, 0]


def test_an_invalid_row_does_not_prevent_the_archiving_of_others(
    archiving: Archiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    invalid, valid = (archiving.pipeline.row(archiving.inspected(key)) for key in ("a.png", "b.png"))
    add = archiving.index.add_name
    monkeypatch.setattr(archiving.index, "add_name", lambda row: 1 / 0 if row.id == invalid.id else add(row))

    with pytest.raises(ZeroDivisionError):
        archiving.run()
    assert valid.owner in archiving.archive.records
    assert list(archiving.index.list_unarchived_ids()) == [invalid.id]


def test_a_redriven_execution_is_archived_again(archiving: Archiving) -> None:
    row = archiving.pipeline.row(archiving.inspected())
    failed(archiving, row.owner)
    archiving.archive.save(archiving.history_source.records[row.owner])
    archiving.record(row.owner, stopped_at="2026-01-01T03:00:00.000Z")

    archiving.run()

    assert archiving.archive.records[row.owner].status == "SUCCEEDED"
