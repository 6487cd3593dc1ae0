"""Every uploaded version gets one inspection, even if events repeat or executions end before they claim."""

from dataclasses import replace
from typing import Any

import pytest

from tests.crafted import png
from tests.fakes import InMemoryExecutions, InMemoryInspectionRepository, InMemoryObjectStore
from tests.references import usual_measures
from tests.unit.pipeline import INBOUND, KEY, NOW, PHOTO, SHA256, UPLOADED_AT, Pipeline
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, StoredObject, inspection_id
from workflow.photos.measures import PhotoMeasures, PhotoMeter, UnmeasurablePhoto
from workflow.photos.validation_result import MAX_BYTES
from workflow.pipeline.executions import execution_input, execution_name
from workflow.pipeline.start import (
    apply_backpressure,
    iter_uploaded_versions,
    new_inspection,
    start_inspection,
)
from workflow.review.revision import reinspect


def measured(pipeline: Pipeline, image: Image) -> PhotoMeasures:
    """Return the measures of a photo without its frame, which is different for each photo."""
    measures = pipeline.row(image).measures
    assert measures is not None
    return replace(measures, frame_hash="")


class DeafExecutions(InMemoryExecutions):
    """Executions that cannot be reached."""

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
def pipeline() -> Pipeline:
    return Pipeline()


def start(pipeline: Pipeline, image: Image) -> str | None:
    return start_inspection(pipeline.executions, pipeline.inspections, image, UPLOADED_AT)


def test_a_new_photo_starts_without_a_read_of_its_row(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.inspections, "get", None)

    assert start(pipeline, pipeline.upload())


def event(key: str, version: str | None) -> dict[str, Any]:
    entry = {"key": key, "size": 5, "etag": "e", "sequencer": "1"}
    named = {**entry, "version-id": version} if version else entry
    return {"time": "2026-01-01T00:00:00Z", "detail": {"bucket": {"name": INBOUND}, "object": named}}


def test_repeated_events_of_a_version_start_one_execution_named_after_it(pipeline: Pipeline) -> None:
    image = pipeline.upload()

    assert {start(pipeline, image) for _ in range(6)} == {f"{inspection_id(image)}-1"}
    start_inspection(pipeline.executions, pipeline.inspections, image, "2026-01-01T00:00:00.001Z")
    name, document = f"{inspection_id(image)}-1", execution_input(image, UPLOADED_AT, 1)
    assert pipeline.executions.started == {name: document}


def test_the_name_is_one_that_step_functions_takes() -> None:
    name = execution_name("f" * 64, 999)

    assert len(name) <= 80
    assert name.replace("-", "").isalnum()


def test_two_versions_of_one_name_start_two_executions(pipeline: Pipeline) -> None:
    start(pipeline, pipeline.upload())
    start(pipeline, pipeline.upload())

    assert len(pipeline.executions.started) == 2


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_event_does_not_start_what_ended_or_was_handed_over(pipeline: Pipeline, status: str) -> None:
    image = pipeline.upload()
    pipeline.executions.statuses[str(start(pipeline, image))] = status

    assert start(pipeline, image) is None
    pipeline.inspections.transfer_ownership(
        pipeline.row(image), execution_name(inspection_id(image), 2), 2, NOW
    )
    assert start(pipeline, image) is None
    assert len(pipeline.executions.started) == 1


def test_the_row_is_stored_before_its_execution_starts_and_a_repeated_event_starts_it(
    pipeline: Pipeline,
) -> None:
    image = pipeline.upload()
    with pytest.raises(ConnectionError):
        start_inspection(DeafExecutions(), pipeline.inspections, image, UPLOADED_AT)

    row = pipeline.row(image)
    assert (row.owner, row.attempt, row.state) == (f"{row.id}-1", 1, InspectionState.INSPECTING)
    assert (row.image, row.location, row.uploaded_at) == (image, image, UPLOADED_AT)
    later = "2026-01-01T00:00:07Z"
    assert start_inspection(pipeline.executions, pipeline.inspections, image, later) == row.owner
    assert pipeline.executions.started == {row.owner: execution_input(image, UPLOADED_AT, 1)}


def test_a_photo_that_waits_or_is_closed_is_not_started_again(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.waiting(image)
    pipeline.executions.statuses.clear()

    assert start(pipeline, image) is None


@pytest.mark.parametrize("key", AWKWARD)
def test_the_key_of_an_event_is_raw_text(pipeline: Pipeline, key: str) -> None:
    assert list(iter_uploaded_versions(event(key, "v9"), pipeline.objects)) == [
        (Image(INBOUND, key, "v9"), "2026-01-01T00:00:00Z")
    ]


@pytest.mark.parametrize("version", [None, ""])
def test_an_event_without_a_version_means_every_version_of_exactly_its_key(
    pipeline: Pipeline, version: str | None
) -> None:
    first, second = pipeline.upload(at="2026-01-02T00:00:00.000Z"), pipeline.upload()
    pipeline.upload(key=KEY + ".bak")

    assert list(iter_uploaded_versions(event(KEY, version), pipeline.objects)) == [
        (first, "2026-01-02T00:00:00.000Z"),
        (second, UPLOADED_AT),
    ]


def test_a_new_version_is_claimed_and_its_facts_are_kept(pipeline: Pipeline) -> None:
    image = pipeline.upload()

    assert pipeline.claim(image, "me") == "readable"
    row = pipeline.row(image)
    assert (row.owner, row.image, row.location, row.sha256) == ("me", image, image, SHA256)
    assert (row.size, row.etag) == (len(PHOTO), pipeline.objects.stored(image).etag)
    assert row.photo == {"format": "png", "width": 64, "height": 64, "orientation": 1}


def test_claiming_again_or_by_another_execution_changes_nothing(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    before = pipeline.row(image)

    assert (pipeline.claim(image, "me"), pipeline.claim(image, "you")) == ("readable", "not_owner")
    assert pipeline.row(image) == before
    pipeline.inspections.transfer_ownership(before, "you", 2, NOW)
    assert (pipeline.claim(image, "you", 2), pipeline.claim(image, "me")) == ("readable", "not_owner")


def test_a_claim_that_died_before_the_examination_is_finished_by_the_next_call(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.inspections.claim(new_inspection(image, "me", 1, UPLOADED_AT))

    assert pipeline.claim(image, "me") == "readable"
    assert pipeline.row(image).sha256 == SHA256


def test_a_version_that_was_deleted_before_anybody_looked_is_vanished(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.objects.delete(image)

    assert pipeline.claim(image, "me") == "vanished"
    assert pipeline.row(image).sha256 == ""


def test_a_photo_that_was_moved_already_did_not_vanish(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    pipeline.detect(image, "me")
    pipeline.move(image, "me", "ok")

    assert pipeline.claim(image, "me") == "readable"


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty"), (b"hello", "not_an_image"), (png()[:-20], "truncated")]
)
def test_an_unreadable_upload_is_refused_with_a_reason_and_the_reason_is_replayed(
    pipeline: Pipeline, content: bytes, code: str
) -> None:
    image = pipeline.upload(content)

    assert [pipeline.claim(image, "me"), pipeline.claim(image, "me")] == ["unreadable", "unreadable"]
    row = pipeline.row(image)
    assert row.rejection["code"] == code
    assert row.rejection["detail"].endswith(".")
    assert row.photo == {}
    assert row.size == len(content)


class UnreadObjectStore(InMemoryObjectStore):
    """An object store that delivers no bytes, and reports every object with this size or its own."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self._size = size

    def fetch(self, image: Image, limit: int) -> tuple[StoredObject, bytes | None] | None:
        found = self.stored(image)
        return replace(found, size=self._size or found.size), None


def test_an_upload_too_large_to_read_is_refused_unread() -> None:
    pipeline = Pipeline(objects=UnreadObjectStore(MAX_BYTES + 1))
    image = pipeline.upload()

    assert pipeline.claim(image, "me") == "unreadable"
    assert (pipeline.row(image).rejection["code"], pipeline.row(image).sha256) == ("too_large", "")


def test_bytes_that_were_not_delivered_are_a_fault_not_a_verdict() -> None:
    pipeline = Pipeline(objects=UnreadObjectStore())
    image = pipeline.upload()

    with pytest.raises(RuntimeError, match="were not delivered"):
        pipeline.claim(image, "me")
    assert pipeline.row(image).rejection == {}


def claimed(pipeline: Pipeline, count: int) -> None:
    for number in range(count):
        pipeline.claim(pipeline.upload(key=f"{number}.png"), "me")


@pytest.mark.parametrize(("in_flight", "naps"), [(0, 0), (1, 0), (2, 3), (5, 3)])
def test_a_full_line_holds_new_inspections_back_while_there_is_time(
    pipeline: Pipeline, in_flight: int, naps: int
) -> None:
    claimed(pipeline, in_flight)
    slept: list[float] = []

    apply_backpressure(pipeline.inspections, 2, lambda: len(slept) < 3, slept.append)

    assert len(slept) == naps


def test_room_that_appears_is_used_at_once(pipeline: Pipeline) -> None:
    claimed(pipeline, 2)
    slept: list[float] = []

    def finish(seconds: float) -> None:
        slept.append(seconds)
        image = next(iter(pipeline.objects.contents))
        pipeline.close(image, "me")

    apply_backpressure(pipeline.inspections, 2, lambda: True, finish)

    assert len(slept) == 1


def test_a_repeated_event_writes_nothing_into_a_row_that_is_there(pipeline: Pipeline) -> None:
    """An archived row is not in the index. A repeated event must not add it again.

    That the repository leaves an existing row unchanged is a test of the repository.
    """
    image = pipeline.upload()
    pipeline.inspected(image)
    before = pipeline.row(image)

    class ReadOnly(InMemoryInspectionRepository):
        def claim(self, new: Inspection) -> Inspection | None:
            raise AssertionError("it was written")

    read_only = replace(pipeline, inspections=ReadOnly(pipeline.inspections.dynamodb))

    assert start(pipeline, image) is None
    assert pipeline.row(image) == before
    assert read_only.claim(image, before.owner) == "readable"
    assert pipeline.row(image) == before


def unexpected_measure(_content: bytes) -> PhotoMeasures:
    raise AssertionError("it was measured")


UNMEASURING = PhotoMeter(1, unexpected_measure)


def test_a_valid_photo_is_measured_once_when_it_is_claimed(pipeline: Pipeline) -> None:
    image = pipeline.upload()

    assert pipeline.claim(image, "me") == "readable"
    assert replace(pipeline, meter=UNMEASURING).claim(image, "me") == "readable"

    assert measured(pipeline, image) == usual_measures(descriptor=(), frame_hash="")
    assert pipeline.inspections.get_descriptor(inspection_id(image), 1) == usual_measures().descriptor


def test_a_file_that_is_no_photo_is_not_measured() -> None:
    pipeline = Pipeline(meter=UNMEASURING)

    for content in (b"", b"no photo", bytes(MAX_BYTES + 1)):
        image = pipeline.upload(content)
        assert pipeline.claim(image, "me") == "unreadable"
        assert pipeline.row(image).measures is None


@pytest.mark.parametrize("earlier", [{"measures": None}, {"measures": None, "unmeasurable": "broken"}])
def test_a_photo_that_was_claimed_without_measures_is_measured_when_it_is_claimed_again(
    pipeline: Pipeline, earlier: dict[str, Any]
) -> None:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    row = pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, **earlier)

    assert pipeline.claim(image, "me") == "readable"

    assert measured(pipeline, image) == usual_measures(descriptor=(), frame_hash="")
    assert pipeline.row(image).unmeasurable == ""


def test_a_reinspected_photo_is_measured_where_it_was_filed(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    pipeline.inspected(image)
    row = reinspect(pipeline.inspections, pipeline.decisions, inspection_id(image), "eve", "a new decoder")
    pipeline.inspections.rows[row.id] = replace(row, measures=usual_measures(decoder_version=0))

    pipeline.claim(image, row.owner)

    assert measured(pipeline, image) == usual_measures(descriptor=(), frame_hash="")
    assert image not in pipeline.objects.contents


def test_a_photo_that_was_deleted_before_it_is_measured_again_stays_readable(pipeline: Pipeline) -> None:
    """The model's answer tells that it is deleted."""
    image = pipeline.upload()
    pipeline.claim(image, "me")
    row = pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, measures=None)
    pipeline.objects.delete(image)

    assert pipeline.claim(image, "me") == "readable"
    assert pipeline.row(image).measures is None


def test_a_photo_that_cannot_be_measured_is_claimed_with_the_reason() -> None:
    pipeline = Pipeline(meter=PhotoMeter(1, lambda _content: UnmeasurablePhoto("it is broken")))
    image = pipeline.upload()

    assert pipeline.claim(image, "me") == "readable"
    assert (pipeline.row(image).measures, pipeline.row(image).unmeasurable) == (None, "it is broken")
