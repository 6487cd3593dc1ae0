"""Every uploaded version gets one inspection: events may double, executions may die before they claim."""

from typing import Any

import pytest

from tests.crafted import png
from tests.fakes import MemoryExecutions, MemoryLedger, MemoryShelf
from tests.unit.line import INBOUND, KEY, NOW, PHOTO, SHA256, UPLOADED_AT, Line
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, Stored, inspection_id
from workflow.photos.photo import MAX_BYTES
from workflow.pipeline import intake
from workflow.pipeline.intake import document, execution_name, new_row


class DeafExecutions(MemoryExecutions):
    """Step Functions is out of reach."""

    def start(self, name: str, document: dict[str, Any]) -> bool:
        raise ConnectionError(name)


AWKWARD = [
    "a b.png",
    "a+b.png",
    "a%2Fb.png",
    'it\'s "quoted".png',
    "🔧/ö.png",
    "<script>.png",
    "x/" * 500 + "y.png",
]


@pytest.fixture
def line() -> Line:
    return Line()


def start(line: Line, image: Image) -> str | None:
    return intake.start(line.executions, line.ledger, image, UPLOADED_AT)


def event(key: str, version: str | None) -> dict[str, Any]:
    entry = {"key": key, "size": 5, "etag": "e", "sequencer": "1"}
    named = {**entry, "version-id": version} if version else entry
    return {"time": "2026-01-01T00:00:00Z", "detail": {"bucket": {"name": INBOUND}, "object": named}}


def test_an_execution_is_named_after_the_version_and_the_attempt(line: Line) -> None:
    image = line.upload()

    assert start(line, image) == f"{inspection_id(image)}-1"
    assert line.executions.started == {f"{inspection_id(image)}-1": document(image, UPLOADED_AT, 1)}


def test_the_name_is_one_that_step_functions_takes() -> None:
    name = execution_name("f" * 64, 999)

    assert len(name) <= 80
    assert name.replace("-", "").isalnum()


def test_the_same_event_six_times_starts_one_execution(line: Line) -> None:
    image = line.upload()
    for _ in range(6):
        start(line, image)

    assert len(line.executions.started) == 1


def test_a_second_event_with_another_time_starts_nothing(line: Line) -> None:
    image = line.upload()
    start(line, image)

    intake.start(line.executions, line.ledger, image, "2026-01-01T00:00:00.001Z")

    assert list(line.executions.started.values()) == [document(image, UPLOADED_AT, 1)]


def test_two_versions_of_one_name_start_two_executions(line: Line) -> None:
    start(line, line.upload())
    start(line, line.upload())

    assert len(line.executions.started) == 2


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_event_does_not_start_what_ended_or_was_handed_over(line: Line, status: str) -> None:
    image = line.upload()
    line.executions.statuses[str(start(line, image))] = status

    assert start(line, image) is None
    line.ledger.hand_over(line.row(image), execution_name(inspection_id(image), 2), 2, NOW)
    assert start(line, image) is None
    assert len(line.executions.started) == 1


def test_the_row_is_on_the_books_before_its_execution_starts(line: Line) -> None:
    image = line.upload()

    with pytest.raises(ConnectionError):
        intake.start(DeafExecutions(), line.ledger, image, UPLOADED_AT)

    row = line.row(image)
    assert (row.owner, row.attempt, row.state) == (f"{row.id}-1", 1, State.INSPECTING)
    assert (row.image, row.location, row.uploaded_at) == (image, image, UPLOADED_AT)


def test_a_repeated_event_starts_the_execution_that_died_before_its_start(line: Line) -> None:
    image = line.upload()
    with pytest.raises(ConnectionError):
        intake.start(DeafExecutions(), line.ledger, image, UPLOADED_AT)

    name = intake.start(line.executions, line.ledger, image, "2026-01-01T00:00:07Z")

    assert name == line.row(image).owner
    assert line.executions.started == {name: document(image, UPLOADED_AT, 1)}


def test_a_photo_that_waits_or_is_closed_is_not_started_again(line: Line) -> None:
    image = line.upload()
    line.waiting(image)
    line.executions.statuses.clear()

    assert start(line, image) is None


@pytest.mark.parametrize("key", AWKWARD)
def test_the_key_of_an_event_is_raw_text(line: Line, key: str) -> None:
    assert list(intake.uploaded(event(key, "v9"), line.shelf)) == [
        (Image(INBOUND, key, "v9"), "2026-01-01T00:00:00Z")
    ]


@pytest.mark.parametrize("version", [None, ""])
def test_an_event_without_a_version_means_every_version_of_exactly_its_key(
    line: Line, version: str | None
) -> None:
    first, second = line.upload(at="2026-01-02T00:00:00.000Z"), line.upload()
    line.upload(key=KEY + ".bak")

    assert list(intake.uploaded(event(KEY, version), line.shelf)) == [
        (first, "2026-01-02T00:00:00.000Z"),
        (second, UPLOADED_AT),
    ]


def test_a_new_version_is_claimed_and_its_facts_are_kept(line: Line) -> None:
    image = line.upload()

    assert line.claim(image, "me") == "readable"
    row = line.row(image)
    assert (row.owner, row.image, row.location, row.sha256) == ("me", image, image, SHA256)
    assert (row.size, row.etag) == (len(PHOTO), line.shelf.stored(image).etag)
    assert row.photo == {"format": "png", "width": 64, "height": 64, "orientation": 1}


def test_claiming_again_is_the_same_as_claiming_once(line: Line) -> None:
    image = line.upload()
    line.claim(image, "me")
    before = line.row(image)

    assert line.claim(image, "me") == "readable"
    assert line.row(image) == before


def test_a_claim_that_died_before_the_examination_is_finished_by_the_next_call(line: Line) -> None:
    image = line.upload()
    line.ledger.claim(new_row(image, "me", 1, UPLOADED_AT))

    assert line.claim(image, "me") == "readable"
    assert line.row(image).sha256 == SHA256


def test_another_execution_is_refused_and_changes_nothing(line: Line) -> None:
    image = line.upload()
    line.claim(image, "me")
    before = line.row(image)

    assert line.claim(image, "you") == "refused"
    assert line.row(image) == before


def test_the_next_attempt_claims_what_was_handed_over_to_it(line: Line) -> None:
    image = line.upload()
    line.claim(image, "me")
    line.ledger.hand_over(line.row(image), "you", 2, NOW)

    assert (line.claim(image, "you", 2), line.claim(image, "me")) == ("readable", "refused")


def test_a_version_that_was_deleted_before_anybody_looked_is_vanished(line: Line) -> None:
    image = line.upload()
    line.shelf.delete(image)

    assert line.claim(image, "me") == "vanished"
    assert line.row(image).sha256 == ""


def test_a_photo_that_was_moved_already_did_not_vanish(line: Line) -> None:
    image = line.upload()
    line.claim(image, "me")
    line.detect(image, "me")
    line.move(image, "me", "ok")

    assert line.claim(image, "me") == "readable"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (b"hello", "not_an_image"), (png()[:-20], "truncated")]
)
def test_an_unreadable_upload_is_refused_with_a_reason_and_the_reason_is_replayed(
    line: Line, content: bytes, code: str
) -> None:
    image = line.upload(content)

    assert [line.claim(image, "me"), line.claim(image, "me")] == ["unreadable", "unreadable"]
    row = line.row(image)
    assert row.rejection["code"] == code
    assert row.rejection["detail"].endswith(".")
    assert row.photo == {}
    assert row.size == len(content)


class VastShelf(MemoryShelf):
    """Pretends that every object is one byte larger than a photo may be."""

    def stored(self, image: Image) -> Stored:
        found = super().stored(image)
        return Stored(image, MAX_BYTES + 1, found.etag, found.modified_at)

    def fetch(self, image: Image, limit: int) -> tuple[Stored, bytes | None] | None:
        return self.stored(image), None


def test_an_upload_too_large_to_read_is_refused_unread() -> None:
    line = Line(shelf=VastShelf())
    image = line.upload()

    assert line.claim(image, "me") == "unreadable"
    assert (line.row(image).rejection["code"], line.row(image).sha256) == ("too_large", "")


class StingyShelf(MemoryShelf):
    def fetch(self, image: Image, limit: int) -> tuple[Stored, bytes | None] | None:
        return self.stored(image), None


def test_bytes_that_were_not_delivered_are_a_fault_not_a_verdict() -> None:
    line = Line(shelf=StingyShelf())
    image = line.upload()

    with pytest.raises(RuntimeError, match="were not delivered"):
        line.claim(image, "me")
    assert line.row(image).rejection == {}


def claimed(line: Line, count: int) -> None:
    for number in range(count):
        line.claim(line.upload(key=f"{number}.png"), "me")


@pytest.mark.parametrize(("in_flight", "naps"), [(0, 0), (1, 0), (2, 3), (5, 3)])
def test_a_full_line_holds_new_inspections_back_while_there_is_time(
    line: Line, in_flight: int, naps: int
) -> None:
    claimed(line, in_flight)
    slept: list[float] = []

    intake.wait_for_room(line.ledger, 2, lambda: len(slept) < 3, slept.append)

    assert len(slept) == naps


def test_room_that_appears_is_used_at_once(line: Line) -> None:
    claimed(line, 2)
    slept: list[float] = []

    def finish(seconds: float) -> None:
        slept.append(seconds)
        image = next(iter(line.shelf.objects))
        line.close(image, "me")

    intake.wait_for_room(line.ledger, 2, lambda: True, finish)

    assert len(slept) == 1


def test_a_repeated_event_writes_nothing_into_a_row_that_is_there(line: Line) -> None:
    """What was archived left an index; an event that came again must not put it back there."""
    image = line.upload()
    line.inspected(image)
    before = line.row(image)

    class ReadOnly(MemoryLedger):
        def claim(self, new: Inspection) -> Inspection | None:
            raise AssertionError("it was written")

    ledger = ReadOnly()
    ledger.rows = line.ledger.rows

    assert intake.start(line.executions, ledger, image, "2026-02-02T00:00:00Z") is None
    assert intake.claim(ledger, line.shelf, image, before.owner, 1, "2026-02-02T00:00:00Z") == "readable"
    assert line.row(image) == before
