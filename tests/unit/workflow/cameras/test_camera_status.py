"""Alarms of a camera: unusual photos, repeated frames and drifting light, with their beginning and end."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from tests.camera_photos import camera_photo
from workflow.cameras import camera_status
from workflow.cameras.camera import CameraPhoto
from workflow.cameras.camera_status import (
    AVERAGE_WEIGHT,
    BASELINE_PHOTOS,
    DRIFT_PHOTOS,
    AlarmKind,
    Baseline,
    CameraStatus,
    add_photo,
    status_from_dict,
)

MARGINS = {"brightness": 12.0, "contrast": 8.0, "sharpness": 0.35}
DARK = ("darker than every learned photo (mean 3; learned 92 to 140)",)
BASELINE = Baseline(
    BASELINE_PHOTOS, {"brightness": 120.0 * 200, "contrast": 40.0 * 200, "sharpness": 2.0 * 200}
)


def photo(number: int, **facts: Any) -> CameraPhoto:
    entry = camera_photo(number, **facts)
    return replace(entry, observed_at=entry.claimed_at)


def count(photos: Iterable[CameraPhoto], status: CameraStatus | None = None) -> CameraStatus:
    status = status or CameraStatus(camera="line 1")
    for entry in photos:
        status = add_photo(status, entry, MARGINS)
    return status


def series(pattern: str) -> list[CameraPhoto]:
    """Build a photo for each letter: `u` is unusual, `r` repeats a frame, and `.` is usual."""
    kinds: dict[str, dict[str, Any]] = {"u": {"unusual": DARK}, "r": {"same_frame_as": "a.jpg"}, ".": {}}
    return [photo(number, **kinds[letter]) for number, letter in enumerate(pattern)]


def raised_at(pattern: str, kind: AlarmKind = AlarmKind.UNUSUAL) -> list[int]:
    """Return the positions at which the alarm begins or ends."""
    status, changes = CameraStatus(camera="line 1"), []
    for number, entry in enumerate(series(pattern)):
        before, status = status, add_photo(status, entry, MARGINS)
        if (kind in before.alarms) is not (kind in status.alarms):
            changes.append(number)
    return changes


@pytest.mark.parametrize(
    ("pattern", "changes"),
    [
        ("." * 30 + "u" * 5, [34]),
        ("." * 30 + "u" * 4 + "." * 20, []),
        ("u....." * 4 + "u", []),
        ("u..u..u..u..u", [12]),
        ("u" * 60, [4]),
        ("." * 30 + "u" * 5 + "." * 19, [34]),
        ("." * 30 + "u" * 5 + "." * 20, [34, 54]),
        ("." * 30 + "u" * 5 + "." * 20 + "u" * 5, [34, 54, 59]),
    ],
)
def test_five_unusual_photos_of_twenty_raise_the_alarm_and_twenty_usual_ones_clear_it(
    pattern: str, changes: list[int]
) -> None:
    assert raised_at(pattern) == changes


@pytest.mark.parametrize(
    ("pattern", "changes"),
    [
        (".rr.................", []),
        (".rrr" + "." * 20, [3, 23]),
        ("." * 40 + "r" * 9 + "." * 19, [42]),
    ],
)
def test_the_third_repetition_raises_one_alarm_until_twenty_photos_repeat_nothing(
    pattern: str, changes: list[int]
) -> None:
    assert raised_at(pattern, AlarmKind.FROZEN) == changes


def test_a_camera_with_many_unusual_photos_needs_four_times_its_own_share() -> None:
    tenth = CameraStatus(camera="line 1", usual=900, unusual=100)

    assert AlarmKind.UNUSUAL not in count(series("." * 13 + "u" * 7), tenth).alarms
    assert AlarmKind.UNUSUAL in count(series("." * 12 + "u" * 8), tenth).alarms


def test_photos_during_an_alarm_do_not_raise_the_cameras_own_share() -> None:
    status = count(series("." * 100 + "u" * 200))

    assert status.unusual_share == 0
    assert status.alarms[AlarmKind.UNUSUAL] == photo(100).claimed_at


def test_a_photo_that_is_counted_again_changes_nothing() -> None:
    photos = series("." * 25 + "uuu")
    status = count(photos)

    assert count(photos[-10:], status) == status


def test_the_own_share_counts_every_photo_once_that_left_the_window() -> None:
    pattern = "".join(np.random.default_rng(3).choice(["u", ".", ".", "."], 300))
    status = replace(CameraStatus(camera="line 1"), usual=10_000, unusual=9_000)  # No alarm is possible.

    after = count(series(pattern), status)

    assert after.unusual == 9_000 + pattern[:-20].count("u")
    assert after.usual == 10_000 + pattern[:-20].count(".")


def lit(values: Iterable[float], begin: int = 0) -> list[CameraPhoto]:
    return [photo(number, brightness=float(value)) for number, value in enumerate(values, begin)]


def with_baseline() -> CameraStatus:
    return CameraStatus(camera="line 1", baseline=BASELINE)


def test_drift_is_told_once_after_fifty_photos_beyond_half_the_margin() -> None:
    averages = 120 - 10 * (1 - (1 - AVERAGE_WEIGHT) ** np.arange(1, 300))
    first = int(np.argmax(averages < 120 - 6))
    raised = first + DRIFT_PHOTOS - 1
    photos = lit([110] * 300)

    assert AlarmKind.DRIFT not in count(photos[:raised], with_baseline()).alarms
    status = count(photos[: raised + 1], with_baseline())
    assert status.alarms == {AlarmKind.DRIFT: photos[first].observed_at}
    assert count(photos, with_baseline()).alarms == status.alarms


def test_drift_clears_after_fifty_photos_near_the_baseline() -> None:
    drifted = count(lit([110] * 200), with_baseline())
    back = 1 + int(np.argmax(10 * (1 - AVERAGE_WEIGHT) ** np.arange(1, 100) <= 6))

    assert AlarmKind.DRIFT in count(lit([120] * (back + DRIFT_PHOTOS - 2), 200), drifted).alarms
    assert AlarmKind.DRIFT not in count(lit([120] * (back + DRIFT_PHOTOS - 1), 200), drifted).alarms


def test_the_moving_average_agrees_with_its_closed_form() -> None:
    values = np.random.default_rng(5).normal(118, 3, 120)
    weights = AVERAGE_WEIGHT * (1 - AVERAGE_WEIGHT) ** np.arange(len(values))[::-1]
    expected = 120 * (1 - AVERAGE_WEIGHT) ** len(values) + float(weights @ values)

    assert count(lit(values), with_baseline()).averages["brightness"] == pytest.approx(expected)


def test_slow_light_loss_is_told_although_every_step_is_small() -> None:
    """A reference that follows its own photos would accept every one of these."""
    status = count(lit(120 - 0.02 * np.arange(1500)), with_baseline())

    assert AlarmKind.DRIFT in status.alarms
    assert status.baseline == BASELINE


def test_noise_without_drift_raises_no_alarm() -> None:
    chance = np.random.default_rng(11)
    for _ in range(20):
        assert not count(lit(chance.normal(120, 6, 1000)), with_baseline()).alarms


def test_unusual_photos_and_repeated_frames_do_not_move_the_averages() -> None:
    facts: list[dict[str, Any]] = [{"unusual": DARK}, {"same_frame_as": "a.jpg"}]
    photos = [photo(number, brightness=3.0, **facts[number % 2]) for number in range(200)]

    assert count(photos, with_baseline()).averages == {}


def test_without_two_hundred_confirmed_photos_there_is_no_drift() -> None:
    few = replace(with_baseline(), baseline=replace(BASELINE, photos=BASELINE_PHOTOS - 1))

    assert not count(lit([10] * 300), few).alarms


def test_a_complete_baseline_takes_no_further_photo() -> None:
    assert BASELINE.add(photo(1, brightness=3.0)) is BASELINE
    baseline = Baseline()
    for number in range(BASELINE_PHOTOS + 50):
        baseline = baseline.add(photo(number, brightness=100.0 + (number >= BASELINE_PHOTOS)))
    assert baseline.photos == BASELINE_PHOTOS
    assert baseline.mean("brightness") == 100


def test_a_status_is_read_back_as_it_was_written() -> None:
    status = count(series("." * 25 + "uuuuurrr"), with_baseline())

    assert status_from_dict(json.loads(json.dumps(asdict(status)))) == status


def every_photo(status: CameraStatus, entry: CameraPhoto) -> dict[AlarmKind, str]:
    """Begin the alarm again at every photo."""
    return {AlarmKind.UNUSUAL: entry.observed_at} if status.unusual_in_window >= 5 else {}


def refit(self: Baseline, entry: CameraPhoto) -> Baseline:
    """Let the baseline follow the newest photos."""
    return Baseline(BASELINE_PHOTOS, {**self.sums, "brightness": entry.brightness * BASELINE_PHOTOS})


def follow(status: CameraStatus, entry: CameraPhoto, margins: Any) -> CameraStatus:
    moved = Baseline.add(status.baseline, entry)
    return FOLLOW_LIGHT(replace(status, baseline=moved), entry, margins)


FOLLOW_LIGHT = camera_status._follow_light


@pytest.mark.parametrize(
    ("name", "variant", "proof"),
    [
        (
            "_judge_alarms",
            every_photo,
            lambda: test_photos_during_an_alarm_do_not_raise_the_cameras_own_share(),
        ),
        ("_follow_light", follow, lambda: test_slow_light_loss_is_told_although_every_step_is_small()),
    ],
)
def test_a_wrong_variant_is_detected(
    monkeypatch: pytest.MonkeyPatch, name: str, variant: Any, proof: Callable[[], None]
) -> None:
    monkeypatch.setattr(camera_status, name, variant)
    if variant is follow:
        monkeypatch.setattr(Baseline, "add", refit)

    with pytest.raises(AssertionError):
        proof()
