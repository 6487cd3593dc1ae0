"""A frame that comes again under another key is doubtful, in any order and at any repetition of the call."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lambdas.photo_meter import PHOTO_METER
from local.sample_parts import photograph_part
from tests.camera_photos import camera_photo
from tests.unit.custom_labels.in_memory_service import encode
from workflow.aws.cameras import DynamoCameraRepository
from workflow.cameras import frozen_frames
from workflow.cameras.camera import Camera, CameraPhoto
from workflow.cameras.frozen_frames import WINDOW, register_photo
from workflow.photos.measures import PhotoMeasures

CAMERA = Camera(name="line 1")


def register(cameras: DynamoCameraRepository, *photos: CameraPhoto) -> list[tuple[str, ...]]:
    return [register_photo(cameras, Camera(name=photo.camera), photo) for photo in photos]


def suspects(cameras: DynamoCameraRepository) -> list[str]:
    return [suspect.inspection_id for suspect in cameras.list_suspects()]


def test_the_second_of_two_equal_frames_is_doubtful_and_the_first_becomes_suspect(
    cameras: DynamoCameraRepository,
) -> None:
    first, second = camera_photo(1, "same"), camera_photo(2, "same")

    assert register(cameras, first, second) == [
        (),
        ("the same frame as line 1/1.jpg: the camera may be frozen",),
    ]
    (suspect,) = cameras.list_suspects()
    assert suspect.inspection_id == first.inspection_id
    assert suspect.reason == "the same frame came again as line 1/2.jpg: the camera may be frozen"
    assert register(cameras, first)[0][0] == suspect.reason


def test_of_ten_equal_frames_nine_are_doubtful_and_one_is_suspect(cameras: DynamoCameraRepository) -> None:
    answers = register(cameras, *(camera_photo(number, "same") for number in range(10)))

    assert [bool(reasons) for reasons in answers] == [False] + [True] * 9
    assert suspects(cameras) == [camera_photo(0).inspection_id]


def test_every_order_of_arrival_leaves_no_equal_frame_without_a_reason(
    cameras: DynamoCameraRepository,
) -> None:
    for number, order in enumerate(itertools.permutations(range(4))):
        photos = [camera_photo(photo, "same", camera=f"camera {number}") for photo in order]
        register(cameras, *photos)

        assert all(register(cameras, photo)[0] for photo in photos)
    assert len(suspects(cameras)) == 4


def test_a_repeated_call_gives_the_same_reasons(cameras: DynamoCameraRepository) -> None:
    photos = [camera_photo(1, "same"), camera_photo(2, "same")]
    _, reasons = register(cameras, *photos)
    register(cameras, *(camera_photo(number) for number in range(3, 3 + 2 * WINDOW)))

    assert register(cameras, photos[1])[0] == reasons


def test_concurrent_calls_leave_no_equal_frame_unseen(cameras: DynamoCameraRepository) -> None:
    photos = [camera_photo(number, "same") for number in range(8)]
    barrier = threading.Barrier(len(photos))

    def call(photo: CameraPhoto) -> None:
        barrier.wait()
        register(cameras, photo)

    threads = [threading.Thread(target=call, args=(photo,)) for photo in photos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(register(cameras, photo)[0] for photo in photos)


def test_two_photos_that_are_stored_before_either_looks_see_each_other(
    cameras: DynamoCameraRepository,
) -> None:
    first, second = camera_photo(1, "same"), camera_photo(2, "same")
    cameras.add_photo(second)

    assert all(register(cameras, first)[0] for _ in range(2))
    assert register(cameras, second)[0]


@pytest.mark.parametrize("later", [False, True])
def test_a_photo_that_comes_while_an_equal_one_is_added_leaves_one_with_a_reason(
    cameras: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    add_frame, reasons = cameras._add_frame, list[tuple[str, ...]]()

    def interleaved(photo: CameraPhoto, expires_at: int) -> str:
        monkeypatch.setattr(cameras, "_add_frame", add_frame)
        answer = add_frame(photo, expires_at) if later else ""
        reasons.extend(register(cameras, camera_photo(2, "same")))
        return answer or add_frame(photo, expires_at)

    monkeypatch.setattr(cameras, "_add_frame", interleaved)
    reasons.extend(register(cameras, camera_photo(1, "same")))

    assert [bool(reason) for reason in reasons] == [later, not later]


def test_a_frame_that_never_came_before_reads_no_neighbours(
    cameras: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Counter[str]()
    for name in ("query", "update_item", "get_item"):
        call = getattr(cameras._dynamodb, name)
        counted = lambda name=name, call=call, **request: (calls.update([name]), call(**request))[1]  # noqa: E731
        monkeypatch.setattr(cameras._dynamodb, name, counted)

    register(cameras, *(camera_photo(number) for number in range(5)))

    assert calls == {"update_item": 10}


def test_an_equal_frame_under_the_same_key_is_a_new_upload(cameras: DynamoCameraRepository) -> None:
    again = camera_photo(2, "same", key=camera_photo(1).key)

    assert register(cameras, camera_photo(1, "same"), again) == [(), ()]
    assert suspects(cameras) == []


def test_equal_frames_of_two_cameras_are_no_repetition(cameras: DynamoCameraRepository) -> None:
    other = camera_photo(2, "same", camera="line 2")

    assert register(cameras, camera_photo(1, "same"), other) == [(), ()]


@pytest.mark.parametrize(("distance", "found"), [(WINDOW, True), (WINDOW + 1, False)])
def test_a_frame_is_compared_with_the_last_twenty(
    cameras: DynamoCameraRepository, distance: int, found: bool
) -> None:
    photos = [camera_photo(number) for number in range(distance)]
    answers = register(cameras, camera_photo(-1, "same"), *photos[1:], camera_photo(distance, "same"))

    assert bool(answers[-1]) is found


def test_a_camera_with_live_equal_frames_has_no_such_rule(cameras: DynamoCameraRepository) -> None:
    live = Camera(name="line 1", live_reason="black box: no noise")
    photos = [camera_photo(1, "same"), camera_photo(2, "same")]

    assert [register_photo(cameras, live, photo) for photo in photos] == [(), ()]


def test_500_look_alike_parts_with_the_noise_of_a_sensor_never_repeat_a_frame(
    cameras: DynamoCameraRepository,
) -> None:
    """One part, photographed again and again, as the decoder sees its files: half of them are JPEG."""
    chance = np.random.default_rng(7)
    part = np.asarray(photograph_part(3).convert("L")).astype(float)

    def photograph(number: int) -> CameraPhoto:
        levels = np.clip(part + chance.normal(0, 0.5, part.shape), 0, 255).round().astype(np.uint8)
        measures = PHOTO_METER.measure(encode(Image.fromarray(levels), ("PNG", "JPEG")[number % 2]))
        assert isinstance(measures, PhotoMeasures)
        return camera_photo(number, measures.frame_hash)

    answers = register(cameras, *map(photograph, range(500)))

    assert not any(answers)
    assert suspects(cameras) == []


def across_cameras(photo: CameraPhoto, neighbours: list[CameraPhoto]) -> list[CameraPhoto]:
    return [other for other in neighbours if other.frame_hash == photo.frame_hash]


def test_a_rule_that_counts_new_uploads_is_detected(
    cameras: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_frames, "find_equal_frames", across_cameras)

    with pytest.raises(AssertionError):
        test_an_equal_frame_under_the_same_key_is_a_new_upload(cameras)


def test_a_history_without_the_camera_is_detected(
    cameras: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_history: Callable[[Any], str] = lambda camera: "photos"  # noqa: E731
    monkeypatch.setattr("workflow.aws.cameras._series", one_history)

    with pytest.raises(AssertionError):
        test_equal_frames_of_two_cameras_are_no_repetition(cameras)


def test_reading_the_neighbours_before_the_photo_is_stored_is_detected(
    cameras: DynamoCameraRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[CameraPhoto] = []
    monkeypatch.setattr(cameras, "add_photo", lambda photo: stored.append(photo) or photo)

    with pytest.raises(AssertionError):
        test_of_ten_equal_frames_nine_are_doubtful_and_one_is_suspect(cameras)
