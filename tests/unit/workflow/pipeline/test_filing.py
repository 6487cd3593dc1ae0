"""A photo is copied, its row is updated, then the original is deleted. A repetition changes nothing."""

import json
from dataclasses import replace

import pytest

from tests.fakes import FakeDetector
from tests.unit.pipeline import CLEARLY_OK, FILED, INBOUND, NOW, PHOTO, UNSURE, Pipeline
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.objects import MAX_COPY_BYTES, Image
from workflow.inspections.verdict import Verdict
from workflow.pipeline.filing import filed_key
from workflow.recovery.consistency import check


def detected(pipeline: Pipeline) -> Image:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    pipeline.detect(image, "me")
    return image


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(detector=FakeDetector(CLEARLY_OK))


@pytest.mark.parametrize("verdict", ["ok", "defect"])
def test_a_photo_goes_where_its_verdict_says(pipeline: Pipeline, verdict: str) -> None:
    image = detected(pipeline)

    filed = pipeline.move(image, "me", verdict)

    place = pipeline.row(image).location
    assert (filed["verdict"], filed["bucket"], filed["key"]) == (verdict, FILED, place.key)
    assert place.key == filed_key(Verdict(verdict), pipeline.row(image).id, image.key)
    assert pipeline.objects.contents == {place: PHOTO}


def test_filing_a_verdict_writes_its_announcement(pipeline: Pipeline) -> None:
    image = detected(pipeline)

    filed = pipeline.move(image, "me", "ok")

    row = pipeline.row(image)
    assert filed["announcement"] == row.announcement
    assert json.loads(row.announcement)["filed"]["key"] == row.location.key
    assert json.loads(row.announcement)["settled_at"] == row.settled_at


def test_an_unclear_photo_is_not_announced() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = detected(pipeline)

    assert pipeline.move(image, "me", "unclear")["announcement"] == ""
    assert (pipeline.row(image).announcement, pipeline.row(image).settled_at) == ("", "")


def test_a_rejected_file_that_s3_cannot_copy_at_once_stays_where_it_was_uploaded(
    pipeline: Pipeline,
) -> None:
    image = pipeline.upload(b"a film, and no photo")
    pipeline.claim(image, "me")
    row = pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, size=MAX_COPY_BYTES + 1)

    first = pipeline.move(image, "me", "rejected")

    assert json.loads(first["announcement"])["filed"] == json.loads(first["announcement"])["image"]
    assert pipeline.objects.contents.keys() == {image}
    assert pipeline.move(image, "me", "rejected") == first
    pipeline.inspections.close(row.id, "me", NOW)
    assert check(pipeline.inspections, pipeline.objects, pipeline.executions, INBOUND, FILED).is_clean
    pipeline.inspections.rows[row.id] = replace(row, size=MAX_COPY_BYTES)
    assert pipeline.move(image, "me", "rejected")["bucket"] == FILED


def test_filing_again_gives_the_same_answer_and_moves_nothing(pipeline: Pipeline) -> None:
    image = detected(pipeline)
    first = pipeline.move(image, "me", "ok")
    before = (pipeline.row(image), dict(pipeline.objects.contents))

    assert pipeline.move(image, "me", "ok") == first
    assert (pipeline.row(image), pipeline.objects.contents) == before


@pytest.mark.parametrize("wanted", ["ok", "defect", "unclear", "rejected"])
def test_a_photo_at_its_final_place_stays_there_whatever_is_wanted(pipeline: Pipeline, wanted: str) -> None:
    image = detected(pipeline)
    first = pipeline.move(image, "me", "ok")

    assert pipeline.move(image, "me", wanted) == first


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_a_reviewed_photo_goes_where_the_person_decided(verdict: Verdict) -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    decision = pipeline.decide(image, verdict)

    filed = pipeline.move(image, owner, "reviewed")

    assert filed["verdict"] == verdict
    assert list(pipeline.objects.contents) == [pipeline.row(image).location]
    assert json.loads(filed["announcement"])["review"]["decision_id"] == decision.id


def test_without_a_decision_there_is_no_reviewed_verdict() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)

    with pytest.raises(Conflict, match="it has no decision"):
        pipeline.move(image, owner, "reviewed")


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("wanted", ["ok", "defect", "rejected"])
def test_once_a_person_is_asked_only_their_decision_moves_the_photo(wanted: str, decided: bool) -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    if decided:
        pipeline.decide(image, Verdict.DEFECT)
    before = (pipeline.row(image), dict(pipeline.objects.contents))

    with pytest.raises(Conflict, match="a person"):
        pipeline.move(image, owner, wanted)

    assert (pipeline.row(image), pipeline.objects.contents) == before


def test_a_restarted_execution_finds_the_photo_unclear_already() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    before = (pipeline.row(image), dict(pipeline.objects.contents))

    assert pipeline.move(image, owner, "unclear")["verdict"] == "unclear"
    assert (pipeline.row(image), pipeline.objects.contents) == before


def test_who_lost_the_ownership_touches_nothing(pipeline: Pipeline) -> None:
    image = detected(pipeline)
    pipeline.inspections.transfer_ownership(pipeline.row(image), "you", 2, NOW)
    before = dict(pipeline.objects.contents)

    with pytest.raises(OwnershipLost):
        pipeline.move(image, "me", "ok")
    assert pipeline.objects.contents == before


def test_a_photo_that_somebody_deleted_is_a_fault_and_nothing_is_recorded(pipeline: Pipeline) -> None:
    image = detected(pipeline)
    pipeline.objects.delete(image)
    before = pipeline.row(image)

    with pytest.raises(NotFound):
        pipeline.move(image, "me", "ok")
    assert pipeline.row(image) == before


def test_a_newer_version_of_the_same_name_is_left_alone(pipeline: Pipeline) -> None:
    image = detected(pipeline)
    newer = pipeline.upload(b"another photo")

    pipeline.move(image, "me", "ok")

    assert pipeline.objects.contents[newer] == b"another photo"
    assert image not in pipeline.objects.contents


def test_a_photo_uploaded_in_parts_can_be_moved_twice() -> None:
    pipeline = Pipeline(detector=FakeDetector(UNSURE))
    image = pipeline.upload(in_parts=True)
    owner = pipeline.waiting(image)
    pipeline.decide(image, Verdict.OK)

    pipeline.move(image, owner, "reviewed")

    assert list(pipeline.objects.contents.values()) == [PHOTO]
    assert pipeline.row(image).location.bucket != INBOUND
