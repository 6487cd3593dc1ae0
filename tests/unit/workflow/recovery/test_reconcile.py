"""Whatever got stuck moves on by itself; what mending cannot help is left to a person."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryLedger
from tests.unit.line import CLEARLY_OK, FILED, INBOUND, NOW, PHOTO, UNSURE, UPLOADED_AT, Line
from workflow import timestamps
from workflow.inspections.inspection import Decision, Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.intake import document, execution_name
from workflow.recovery.consistency import Finding, Kind, audit
from workflow.recovery.reconcile import MAX_ATTEMPTS, Mender, findings, reconcile


@pytest.fixture
def line() -> Line:
    return Line(detector=FakeDetector(CLEARLY_OK))


def mender(line: Line) -> Mender:
    return Mender(line.ledger, line.shelf, line.executions, line.decisions)


def by_the_clock(line: Line) -> dict[str, int]:
    return reconcile(mender(line), findings(mender(line), INBOUND))


def ended(line: Line, status: str = "FAILED") -> Image:
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.executions.statuses[owner] = status
    return image


def test_nothing_to_mend_is_nothing_done(line: Line) -> None:
    line.inspected(line.upload())

    assert by_the_clock(line) == {}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_ended_execution_is_followed_by_the_next_attempt(line: Line, status: str) -> None:
    image = ended(line, status)

    assert by_the_clock(line) == {"stranded inspection": 1}

    name = execution_name(inspection_id(image), 2)
    assert (line.row(image).owner, line.row(image).attempt) == (name, 2)
    assert line.executions.started[name] == document(image, UPLOADED_AT, 2)
    assert line.claim(image, execution_name(inspection_id(image), 1)) == "refused"


def test_a_forgotten_execution_starts_again_under_its_own_name(line: Line) -> None:
    image = ended(line)
    owner = line.row(image).owner
    line.executions.statuses.clear()
    line.executions.started.clear()

    assert by_the_clock(line) == {"stranded inspection": 1}
    assert line.executions.started == {owner: document(image, UPLOADED_AT, 1)}
    assert (line.row(image).owner, line.row(image).attempt) == (owner, 1)


def test_a_waiting_review_of_a_forgotten_execution_comes_back() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    line.executions.statuses.clear()

    assert by_the_clock(line) == {"stranded inspection": 1}
    assert owner in line.executions.running()


def test_a_handed_over_execution_that_never_started_is_started(line: Line) -> None:
    """The mender died between handing the row over and starting the next attempt."""
    image = ended(line)
    name = execution_name(inspection_id(image), 2)
    line.ledger.hand_over(line.row(image), name, 2, NOW)

    assert by_the_clock(line) == {"stranded inspection": 1}
    assert line.executions.started[name] == document(image, UPLOADED_AT, 2)


def test_two_menders_at_once_start_one_attempt(line: Line) -> None:
    image = ended(line)
    before = line.row(image)

    assert mender(line).restart(before) is True
    assert mender(line).restart(before) is True  # Somebody restarted it: nothing is left to a person.
    assert len(line.executions.started) == 2


def test_who_loses_the_race_for_the_row_starts_nothing(line: Line) -> None:
    image = ended(line)

    class Contested(MemoryLedger):
        def hand_over(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
            return False

    contested = Mender(Contested(), line.shelf, line.executions, line.decisions)

    assert contested.restart(line.row(image)) is True
    assert len(line.executions.started) == 1


def test_an_inspection_that_fails_again_rests_twice_as_long_before_each_attempt(line: Line) -> None:
    image = ended(line)
    rests = []
    for _ in range(4):
        row, minutes = line.row(image), 0
        while line.row(image).attempt == row.attempt:
            rested = timestamps.later(timestamps.now(), -60 * minutes - 1)
            line.ledger.rows[row.id] = replace(row, attempted_at=rested)
            by_the_clock(line)
            minutes += 1
        rests.append(minutes - 1)
        line.executions.statuses[line.row(image).owner] = "FAILED"

    assert rests == [0, 1, 3, 7]


def test_after_so_many_attempts_a_person_has_to_look(line: Line) -> None:
    image = ended(line)
    for _ in range(2 * MAX_ATTEMPTS):
        line.ledger.rows[line.row(image).id] = replace(line.row(image), attempted_at=UPLOADED_AT)
        by_the_clock(line)
        line.executions.statuses[line.row(image).owner] = "FAILED"

    line.ledger.rows[line.row(image).id] = replace(line.row(image), attempted_at=UPLOADED_AT)
    assert by_the_clock(line) == {"left to a person": 1}
    assert len(line.executions.started) == line.row(image).attempt == MAX_ATTEMPTS


def test_what_a_person_redrives_is_owned_by_it_again(line: Line) -> None:
    image = ended(line)
    owner = line.row(image).owner
    line.executions.statuses[owner] = "RUNNING"

    assert by_the_clock(line) == {}
    assert line.claim(image, owner) == "readable"


def test_a_missed_upload_is_started(line: Line) -> None:
    image = line.upload()

    assert by_the_clock(line) == {"missed upload": 1}
    assert line.executions.started == {
        execution_name(inspection_id(image), 1): document(image, UPLOADED_AT, 1)
    }
    assert by_the_clock(line) == {}


def test_a_folder_marker_is_not_missed(line: Line) -> None:
    line.upload(b"", key="line 1/")

    assert by_the_clock(line) == {}


def test_a_missed_upload_that_somebody_starts_meanwhile_is_not_started_twice(line: Line) -> None:
    image = line.upload()
    found = list(findings(mender(line), INBOUND))
    line.inspected(image)

    assert reconcile(mender(line), found) == {"missed upload": 1}
    assert len(line.executions.started) == 1


@pytest.mark.parametrize("happened", ["moved again", "disappeared"])
def test_a_surplus_copy_is_kept_when_the_photo_moved_since_it_was_found(line: Line, happened: str) -> None:
    image = line.upload()
    line.inspected(image)
    row = line.row(image)
    copy = line.shelf.upload(FILED, f"unclear/{row.id[:16]}/{image.name}", PHOTO)
    found = list(audit(line.ledger, line.shelf, line.executions, INBOUND, FILED).findings)
    if happened == "moved again":
        line.ledger.rows[row.id] = replace(row, location=copy)
    else:
        line.shelf.delete(row.location)

    assert [finding.kind for finding in found] == [Kind.ORPHAN]
    assert reconcile(mender(line), found) == {"left to a person": 1}
    assert copy in line.shelf.objects


def test_an_undelivered_decision_is_delivered_again() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    line.waiting(image, "token")
    line.decide(image, Verdict.OK)
    line.decisions.sent.clear()
    row = line.row(image)
    assert row.decision is not None
    aged = Decision(row.decision.id, Verdict.OK, "ann", "2026-01-01T00:00:00.000Z")
    line.ledger.rows[row.id] = replace(row, decision=aged)

    assert by_the_clock(line) == {"undelivered decision": 1}
    assert len(line.decisions.sent) == 1
    assert line.deliver(image) == "delivered"


def test_a_stranded_photo_is_inspected_to_the_end_by_its_next_attempt(line: Line) -> None:
    image = ended(line)
    by_the_clock(line)
    owner = line.row(image).owner

    line.claim(image, owner, 2)
    line.detect(image, owner)
    line.move(image, owner, "ok")
    line.close(image, owner)
    line.executions.statuses[owner] = "SUCCEEDED"

    assert by_the_clock(line) == {}


@pytest.mark.parametrize(
    "kind", [Kind.STRANDED, Kind.UNDELIVERED, Kind.LEFTOVER, Kind.ORPHAN, Kind.MISPLACED]
)
def test_a_finding_without_a_row_deletes_and_starts_nothing(line: Line, kind: Kind) -> None:
    image = line.upload()

    assert mender(line).mend(Finding(kind, "id", image, "why")) is False
    assert image in line.shelf.objects
    assert line.executions.started == {}


def test_one_finding_that_cannot_be_mended_is_counted_among_the_others(line: Line) -> None:
    ended(line)
    line.upload(key="missed.png")
    lost = Finding(Kind.MISPLACED, "id", Image("b", "k", "v"), "nothing lies there")
    found = [lost, *findings(mender(line), INBOUND)]

    assert reconcile(mender(line), found) == {
        "left to a person": 1,
        "missed upload": 1,
        "stranded inspection": 1,
    }


def test_a_long_queue_of_uploads_is_not_started_all_at_once(line: Line) -> None:
    """Events that wait behind the brake look like missed ones; they are started as fast as there is room."""
    images = [line.upload(key=f"{number}.png") for number in range(30)]
    narrow = replace(mender(line), limit=8)

    def by_clock() -> dict[str, int]:
        return reconcile(narrow, findings(narrow, INBOUND))

    assert by_clock() == {"missed upload": 8}
    assert by_clock() == {}
    for image in images[:3]:
        line.inspected(image)
    assert by_clock() == {"missed upload": 3}


def test_a_person_who_mends_all_starts_no_more_at_once_either(line: Line) -> None:
    for number in range(30):
        line.upload(key=f"{number}.png")
    narrow = replace(mender(line), limit=8)

    everything = audit(line.ledger, line.shelf, line.executions, INBOUND, FILED).findings

    assert reconcile(narrow, everything) == {"missed upload": 8, "left for later": 22}


def test_a_whole_engine_that_was_lost_is_started_again_in_portions(line: Line) -> None:
    for number in range(30):
        image = line.upload(key=f"{number}.png")
        line.claim(image, line.start(image))
    line.executions.statuses.clear()
    narrow = replace(mender(line), limit=4)

    counts = reconcile(narrow, findings(narrow, INBOUND))

    assert counts == {"stranded inspection": 20, "left for later": 1}


def test_a_fault_with_one_finding_keeps_nothing_from_the_others(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [line.upload(key=f"{number}.png") for number in range(3)]
    for image in images:
        line.claim(image, line.start(image))
    line.executions.statuses.clear()
    start = line.executions.start

    def start_all_but_one(name: str, document: dict[str, Any]) -> bool:
        if name.startswith(inspection_id(images[0])):
            raise RuntimeError("a poisoned row")
        return start(name, document)

    monkeypatch.setattr(line.executions, "start", start_all_but_one)

    with pytest.raises(RuntimeError, match="poisoned"):
        reconcile(mender(line), findings(mender(line), INBOUND))

    assert len(line.executions.statuses) == 2


def test_what_waits_and_what_was_begun_comes_before_missed_uploads(line: Line) -> None:
    line.upload(key="nobody-saw.png")
    begun = line.upload(key="begun.png")
    line.claim(begun, line.start(begun))
    line.detector.answers = [UNSURE]
    waits = line.upload(key="waits.png")
    line.waiting(waits)
    line.executions.statuses.clear()

    found = [(finding.kind, finding.image.key) for finding in findings(mender(line), INBOUND)]

    assert found == [
        (Kind.STRANDED, "waits.png"),
        (Kind.STRANDED, "begun.png"),
        (Kind.MISSED_UPLOAD, "nobody-saw.png"),
    ]


def test_what_was_begun_is_not_looked_up_once_more_for_its_upload(line: Line) -> None:
    for number in range(5):
        image = line.upload(key=f"{number}.png")
        line.claim(image, line.start(image))
    asked: list[str] = []

    class Counting(MemoryLedger):
        rows = line.ledger.rows

        def get(self, inspection_id: str) -> Inspection | None:
            asked.append(inspection_id)
            return super().get(inspection_id)

    ledger = Counting()
    ledger.rows = line.ledger.rows

    assert list(findings(replace(mender(line), ledger=ledger), INBOUND)) == []
    assert asked == []


def test_who_restarts_by_hand_a_hundred_times_stops_nobody_elses_mending(line: Line) -> None:
    image = ended(line)
    row = line.row(image)
    line.ledger.rows[row.id] = replace(row, attempt=100, attempted_at=timestamps.now())
    other = ended(line)

    assert by_the_clock(line) == {"stranded inspection": 1}
    assert line.row(other).attempt == 2
