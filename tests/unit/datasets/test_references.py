import io
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from datasets.labelled_photos import LabelledPhoto
from datasets.references import (
    confirmed_photos,
    learned_photos,
    make_reference,
    measure_photos,
    replay_faults,
)
from tests.fakes import InMemoryObjectStore
from tests.part_photos import part_photo
from tests.references import MODEL
from vision.camera_faults import GROSS_FAULTS, apply_fault, dim
from vision.photo_measures import measure_photo
from workflow.errors import ConfigurationError, NotFound
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image as ImageVersion
from workflow.inspections.photo_guard import explain_unusual
from workflow.inspections.verdict import Verdict
from workflow.models.model import ModelStatus, ModelVersion
from workflow.photos.measures import PhotoMeasures

MADE_AT = "2026-11-30T08:00:00.000Z"


class CountedPhotos:
    """Photos that count how often they are read."""

    def __init__(self, **contents: bytes) -> None:
        self.contents, self.reads = contents, Counter[str]()

    def photos(self, label: str = "ok") -> list[LabelledPhoto]:
        return [
            LabelledPhoto(name=name, label=label, read=lambda name=name: self.read(name))  # type: ignore[misc]
            for name in self.contents
        ]

    def read(self, name: str) -> bytes:
        self.reads[name] += 1
        return self.contents[name]


def many(count: int, start: int = 0) -> CountedPhotos:
    return CountedPhotos(**{f"p{number}": part_photo(number) for number in range(start, start + count)})


def test_each_photo_is_read_once_and_measured_at_its_full_size() -> None:
    files = CountedPhotos(**{f"p{number}": part_photo(number, side=600) for number in range(3)})

    measured = measure_photos(files.photos())

    assert set(files.reads.values()) == {1}
    for photo in measured:
        assert photo.measures == measure_photo(files.contents[photo.photo.name])


def test_measures_of_a_smaller_copy_for_display_are_a_variant_that_the_measures_reject() -> None:
    """The wrong variant measures a copy of 320 pixels: its frame hash and its sharpness are others."""
    content = part_photo(1, side=1200)
    copy = io.BytesIO()
    Image.open(io.BytesIO(content)).resize((320, 320)).save(copy, "JPEG")
    (measured,) = measure_photos(CountedPhotos(p=content).photos())

    of_copy = measure_photo(copy.getvalue())

    assert measured.measures["frame_hash"] == measure_photo(content)["frame_hash"] != of_copy["frame_hash"]
    assert abs(measured.measures["sharpness"] - of_copy["sharpness"]) > 0.35


def test_photos_that_look_alike_are_one_part() -> None:
    files = many(12)
    files.contents["again"] = files.contents["p3"]

    parts = {photo.photo.name: photo.photo.part for photo in measure_photos(files.photos())}

    assert parts["again"] == parts["p3"]
    assert len(set(parts.values())) == 12


def test_parts_that_the_photos_have_already_are_kept() -> None:
    files = many(4)
    photos = [replace(photo, part=f"part {number // 2}") for number, photo in enumerate(files.photos())]

    measured = measure_photos(photos)

    assert [photo.photo.part for photo in measured] == ["part 0", "part 0", "part 1", "part 1"]
    assert set(files.reads.values()) == {1}


def test_a_reference_counts_photos_and_parts_by_label() -> None:
    good, bad = measure_photos(many(8).photos()), measure_photos(many(5, start=50).photos("scratch"))
    same_part = [replace(photo, photo=replace(photo.photo, part="a")) for photo in good[:3]]
    parts = [replace(photo, photo=replace(photo.photo, part=photo.photo.name)) for photo in good[3:] + bad]

    reference = make_reference(MODEL, [*same_part, *parts], MADE_AT)

    assert (reference.model, reference.made_at) == (MODEL, MADE_AT)
    assert dict(reference.photos) == {"ok": 8, "scratch": 5}
    assert dict(reference.parts) == {"ok": 6, "scratch": 5}
    assert reference.provisional
    assert reference.tested == 11


def test_one_part_is_too_few_for_a_reference() -> None:
    with pytest.raises(ConfigurationError, match="at least two parts; 1 can"):
        make_reference(MODEL, measure_photos(many(1).photos()), MADE_AT)


def test_a_photo_that_is_gone_or_broken_is_left_out() -> None:
    files = many(4)
    files.contents["p1"] = b"no photo"
    photos = files.photos()

    def gone() -> bytes:
        raise NotFound("s3://training/p2")

    photos[2] = replace(photos[2], read=gone)

    assert [photo.photo.name for photo in measure_photos(photos)] == ["p0", "p3"]


def test_a_reference_of_usual_photos_stops_each_gross_fault() -> None:
    photos = many(40).photos()
    reference = make_reference(MODEL, measure_photos(photos), MADE_AT)

    replays = replay_faults(photos, reference, reference)

    assert [replay.fault for replay in replays] == list(GROSS_FAULTS)
    assert {replay.fault for replay in replays if replay.stopped_after < replay.tried} == set()
    usual = [PhotoMeasures(**measure_photo(part_photo(seed))) for seed in range(500, 540)]
    assert sum(bool(explain_unusual(measures, reference)) for measures in usual) <= 4


def test_a_reference_that_was_widened_to_dark_photos_shows_it_in_the_replay() -> None:
    files = many(40)
    usual = measure_photos(files.photos())
    dark = CountedPhotos(
        **{f"d{name}": apply_fault(content, dim(0.5)) for name, content in files.contents.items()}
    )
    before = make_reference(MODEL, usual, MADE_AT)
    after = make_reference(MODEL, [*usual, *measure_photos(dark.photos())], MADE_AT)

    replay = {each.fault: each for each in replay_faults(files.photos(), before, after)}["light x 0.5"]

    assert (replay.tried, replay.stopped_before) == (30, 30)
    assert replay.stopped_after < 10


def test_the_photos_that_a_person_decided_are_read_from_where_they_are_filed() -> None:
    objects = InMemoryObjectStore()
    filed = objects.upload("filed", "ok/line-1/a.png", part_photo(1))
    row = decided(filed)

    (photo,) = confirmed_photos([row], objects)
    assert (photo.name, photo.label, photo.read()) == ("line-1/a.png", "defect", part_photo(1))

    objects.delete(filed)
    with pytest.raises(NotFound, match="is gone"):
        photo.read()


def decided(filed: ImageVersion) -> Inspection:
    return Inspection(
        id="a" * 64,
        image=ImageVersion("inbound", "line-1/a.png", "v1"),
        owner="a-1",
        attempt=1,
        state=InspectionState.CLOSED,
        uploaded_at=MADE_AT,
        claimed_at=MADE_AT,
        attempted_at=MADE_AT,
        location=filed,
        decision=Decision(id="d", verdict=Verdict.DEFECT, reviewer="bob", decided_at=MADE_AT),
    )


def test_a_model_without_a_list_of_its_photos_says_what_to_do(monkeypatch: Any) -> None:
    with pytest.raises(NotFound, match="train it again"):
        learned_photos(ModelVersion(arn=MODEL, status=ModelStatus.RUNNING))
