"""A photo is copied, pointed at, and only then deleted where it was; repeating that changes nothing."""

import json

import pytest

from tests.fakes import FakeDetector
from tests.unit.line import CLEARLY_OK, FILED, INBOUND, NOW, PHOTO, UNSURE, Line
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.inspections.objects import Image, filed_key
from workflow.inspections.verdict import Verdict


def detected(line: Line) -> Image:
    image = line.upload()
    line.claim(image, "me")
    line.detect(image, "me")
    return image


@pytest.fixture
def line() -> Line:
    return Line(detector=FakeDetector(CLEARLY_OK))


@pytest.mark.parametrize("verdict", ["ok", "defect"])
def test_a_photo_goes_where_its_verdict_says(line: Line, verdict: str) -> None:
    image = detected(line)

    filed = line.move(image, "me", verdict)

    place = line.row(image).location
    assert (filed["verdict"], filed["bucket"], filed["key"]) == (verdict, FILED, place.key)
    assert place.key == filed_key(Verdict(verdict), line.row(image).id, image.key)
    assert line.shelf.objects == {place: PHOTO}


def test_filing_a_verdict_writes_its_announcement(line: Line) -> None:
    image = detected(line)

    filed = line.move(image, "me", "ok")

    row = line.row(image)
    assert filed["announcement"] == row.announcement
    assert json.loads(row.announcement)["filed"]["key"] == row.location.key
    assert json.loads(row.announcement)["settled_at"] == row.settled_at


def test_an_unclear_photo_is_not_announced() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = detected(line)

    assert line.move(image, "me", "unclear")["announcement"] == ""
    assert (line.row(image).announcement, line.row(image).settled_at) == ("", "")


def test_filing_again_gives_the_same_answer_and_moves_nothing(line: Line) -> None:
    image = detected(line)
    first = line.move(image, "me", "ok")
    before = (line.row(image), dict(line.shelf.objects))

    assert line.move(image, "me", "ok") == first
    assert (line.row(image), line.shelf.objects) == before


@pytest.mark.parametrize("wanted", ["ok", "defect", "unclear", "rejected"])
def test_a_photo_at_its_final_place_stays_there_whatever_is_wanted(line: Line, wanted: str) -> None:
    image = detected(line)
    first = line.move(image, "me", "ok")

    assert line.move(image, "me", wanted) == first


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_a_reviewed_photo_goes_where_the_person_decided(verdict: Verdict) -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    decision = line.decide(image, verdict)

    filed = line.move(image, owner, "reviewed")

    assert filed["verdict"] == verdict
    assert list(line.shelf.objects) == [line.row(image).location]
    assert json.loads(filed["announcement"])["review"]["decision_id"] == decision.id


def test_without_a_decision_there_is_no_reviewed_verdict() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)

    with pytest.raises(Conflict, match="nobody decided it yet"):
        line.move(image, owner, "reviewed")


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("wanted", ["ok", "defect", "rejected"])
def test_once_a_person_is_asked_only_their_decision_moves_the_photo(wanted: str, decided: bool) -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    if decided:
        line.decide(image, Verdict.DEFECT)
    before = (line.row(image), dict(line.shelf.objects))

    with pytest.raises(Conflict, match="a person"):
        line.move(image, owner, wanted)

    assert (line.row(image), line.shelf.objects) == before


def test_a_restarted_execution_finds_the_photo_unclear_already() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    before = (line.row(image), dict(line.shelf.objects))

    assert line.move(image, owner, "unclear")["verdict"] == "unclear"
    assert (line.row(image), line.shelf.objects) == before


def test_who_lost_the_ownership_touches_nothing(line: Line) -> None:
    image = detected(line)
    line.ledger.hand_over(line.row(image), "you", 2, NOW)
    before = dict(line.shelf.objects)

    with pytest.raises(OwnershipLost):
        line.move(image, "me", "ok")
    assert line.shelf.objects == before


def test_a_photo_that_somebody_deleted_is_a_fault_and_nothing_is_recorded(line: Line) -> None:
    image = detected(line)
    line.shelf.delete(image)
    before = line.row(image)

    with pytest.raises(NotFound):
        line.move(image, "me", "ok")
    assert line.row(image) == before


def test_a_newer_version_of_the_same_name_is_left_alone(line: Line) -> None:
    image = detected(line)
    newer = line.upload(b"another photo")

    line.move(image, "me", "ok")

    assert line.shelf.objects[newer] == b"another photo"
    assert image not in line.shelf.objects


def test_a_photo_uploaded_in_parts_can_be_moved_twice() -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload(in_parts=True)
    owner = line.waiting(image)
    line.decide(image, Verdict.OK)

    line.move(image, owner, "reviewed")

    assert list(line.shelf.objects.values()) == [PHOTO]
    assert line.row(image).location.bucket != INBOUND
