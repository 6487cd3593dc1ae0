"""What is kept, by the clock, of inspections that began, closed or failed."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryArchive, MemoryBooks, MemoryHistories
from tests.recorder import Recorder
from tests.unit.line import CLEARLY_OK, UNSURE, Line
from workflow.history import metrics
from workflow.history.archive import Record
from workflow.history.archiver import Keeper, executions_of, failure_of, keep
from workflow.history.metrics import counted, time_bin
from workflow.inspections.inspection import Review
from workflow.inspections.objects import Image


class World:
    """A line in memory with what is kept of it."""

    def __init__(self, *answers: Any) -> None:
        self.line = Line(detector=FakeDetector(*answers or (CLEARLY_OK,)))
        self.books, self.archive = MemoryBooks(self.line.ledger), MemoryArchive()
        self.histories = MemoryHistories()

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.line.ledger, self.books, self.archive, self.histories, self.histories)

    def keep(self) -> dict[str, int]:
        return keep(self.keeper, lambda: True)

    def inspected(self, key: str = "a.png") -> Image:
        image = self.line.upload(key=key)
        self.tell(self.line.inspected(image))
        return image

    def tell(
        self, execution: str, status: str = "SUCCEEDED", stopped_at: str = "2026-01-01T02:00:00.000Z"
    ) -> None:
        self.histories.records[execution] = Record(execution, status, "2026-01-01T01:00:00.000Z", stopped_at)


@pytest.fixture
def world() -> World:
    return World()


def test_a_closed_inspection_is_archived_named_and_counted_once(world: World) -> None:
    row = world.line.row(world.inspected())

    assert world.keep() == {"kept": 1}
    assert world.keep() == {}
    kept = world.archive.records[row.owner]
    assert (kept.status, kept.inspection["id"]) == ("SUCCEEDED", row.id)
    assert world.books.names == {row.id}
    (hour,) = world.books.hours("2026", "9999")
    assert hour.counts["closed"] == hour.counts["verdict:ok"] == hour.counts["score:97"] == 1


def test_an_open_inspection_is_found_by_name_and_kept_again_when_it_closes() -> None:
    world = World(UNSURE)
    image = world.line.upload()
    owner = world.line.waiting(image)

    assert world.keep() == {"kept": 1}
    assert world.books.names
    assert not world.archive.records
    world.line.close(image, owner)
    world.tell(owner)
    assert world.keep() == {"kept": 1}
    assert owner in world.archive.records


def test_a_revision_took_as_long_as_since_it_was_asked_for(world: World) -> None:
    row = world.line.row(world.inspected())
    revised = replace(
        row,
        revision=2,
        uploaded_at="2026-01-01T00:00:00.000Z",
        attempted_at="2026-01-31T00:00:00.000Z",
        settled_at="2026-01-31T00:00:05.000Z",
        review=Review("2026-01-01T00:00:01.000Z", 1, "2026-01-08T00:00:01.000Z"),
    )

    counts = counted(revised)

    assert [name for name in counts if name.startswith("took:")] == [f"took:{time_bin(5)}"]
    assert "asked" not in counts


def test_every_attempt_has_a_record_of_its_own(world: World) -> None:
    image = world.inspected()
    row = world.line.row(image)
    third = replace(row, owner=executions_of(replace(row, attempt=3))[-1], attempt=3)
    world.line.ledger.rows[row.id] = third
    for name in executions_of(third):
        world.tell(name)

    world.keep()

    assert world.archive.records.keys() == set(executions_of(third))


def test_an_execution_that_is_about_to_end_is_archived_when_it_has(world: World) -> None:
    row = world.line.row(world.inspected())
    world.tell(row.owner, "RUNNING", "")

    assert world.keep() == {"left for next time": 1}
    world.tell(row.owner)
    assert world.keep() == {"kept": 1}
    assert world.archive.records[row.owner].ended


def test_an_execution_that_never_ends_is_archived_as_it_is(world: World) -> None:
    row = world.line.row(world.inspected())
    world.line.ledger.rows[row.id] = replace(row, closed_at="2026-01-01T00:00:00.000Z")
    world.tell(row.owner, "RUNNING", "")

    assert world.keep() == {"kept": 1}


def test_what_step_functions_forgot_is_kept_without_a_record(world: World) -> None:
    world.line.inspected(world.line.upload())

    assert world.keep() == {"kept": 1}
    assert not world.archive.records


def test_a_record_that_is_archived_is_not_asked_for_again(world: World) -> None:
    row = world.line.row(world.inspected())
    world.archive.keep(replace(world.histories.records[row.owner], cause="archived"))

    world.keep()

    assert world.archive.records[row.owner].cause == "archived"


def test_whatever_dies_before_the_mark_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.inspected()
    with monkeypatch.context() as patch:
        patch.setattr(world.books, "kept", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.keep()

    assert world.keep() == {"kept": 1}
    (hour,) = world.books.hours("2026", "9999")
    assert hour.counts["closed"] == 1


def test_nothing_is_begun_when_time_is_up(world: World) -> None:
    world.inspected()

    assert keep(world.keeper, lambda: False) == {}
    assert world.keep() == {"kept": 1}


def failed(world: World, name: str = "e-1") -> Record:
    record = Recorder()
    record("ExecutionStarted", 0, input="{}", roleArn="role")
    record.enter("Task", "Detect labels")
    record("LambdaFunctionScheduled", resource="arn", input="{}")
    record("LambdaFunctionFailed", error="Lambda.Unknown", cause="it died")
    record("ExecutionFailed", error="Lambda.Unknown", cause="it died")
    events = tuple({**event, "timestamp": event["timestamp"].isoformat()} for event in record.events)
    told = Record(
        name, "FAILED", "2026-01-01", "2026-01-01T02:00:00.000Z", "Lambda.Unknown", "it died", events=events
    )
    world.histories.records[name] = told
    return told


def test_a_failed_execution_is_noted_once_with_its_cause(world: World) -> None:
    told = failed(world)

    assert world.keep() == {"failures": 1}
    assert world.keep() == {}
    (failure,) = world.books.failures("2026")
    assert failure == failure_of(told)
    assert (failure.state, failure.error, failure.cause) == ("Detect labels", "Lambda.Unknown", "it died")
    assert world.archive.records["e-1"] == told


def test_the_time_until_half_of_all_verdicts_is_read_from_bins() -> None:
    bins = metrics.numbered({f"took:{metrics.time_bin(seconds)}": 1 for seconds in (2, 8, 400)}, "took")

    assert metrics.quantile(bins, 0.5) == pytest.approx(8, rel=0.1)
    assert metrics.quantile(bins, 0.95) == pytest.approx(400, rel=0.1)
    assert metrics.quantile({}, 0.5) is None


@pytest.mark.parametrize(("threshold", "more"), [(0.85, 5), (0.8, 0), (0.75, -2), (0.99, 9)])
def test_another_threshold_is_replayed_on_the_scores(threshold: float, more: int) -> None:
    assert metrics.to_review({70: 7, 77: 2, 82: 5, 90: 4}, threshold, 0.8) == more


def test_one_bad_row_does_not_keep_others_from_being_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (world.line.row(world.inspected(key)) for key in ("a.png", "b.png"))
    add = world.books.add_name
    monkeypatch.setattr(world.books, "add_name", lambda row: 1 / 0 if row.id == bad.id else add(row))

    with pytest.raises(ZeroDivisionError):
        world.keep()
    assert good.owner in world.archive.records
    assert list(world.books.unkept()) == [bad.id]


def test_what_failed_and_went_on_by_a_redrive_is_archived_anew(world: World) -> None:
    row = world.line.row(world.inspected())
    failed(world, row.owner)
    world.archive.keep(world.histories.records[row.owner])
    world.tell(row.owner, stopped_at="2026-01-01T03:00:00.000Z")

    world.keep()

    assert world.archive.records[row.owner].status == "SUCCEEDED"
