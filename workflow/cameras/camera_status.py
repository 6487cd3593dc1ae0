"""The status of a camera: its newest photos, its alarms, and the drift of its light."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from workflow.cameras.camera import WATCHED_MEASURES, CameraPhoto
from workflow.cameras.frozen_frames import WINDOW
from workflow.photos.measures import PhotoMeasures

UNUSUAL_PHOTOS = 5
UNUSUAL_FACTOR = 4
LEAST_UNUSUAL_SHARE = 0.01
REPEATED_PHOTOS = 3
BASELINE_PHOTOS = 200
AVERAGE_WEIGHT = 0.05
DRIFT_PHOTOS = 50
DRIFT_MARGIN_SHARE = 0.5


class AlarmKind(StrEnum):
    """The alarms of a camera. The values are the field `alarm` of the messages."""

    UNUSUAL = "camera"
    FROZEN = "frozen_camera"
    DRIFT = "light_drift"
    MASTER = "master"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The sums of the measures of a camera's first photos that people confirmed, and their number."""

    photos: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Return True if enough photos were confirmed. Then the baseline never changes."""
        return self.photos >= BASELINE_PHOTOS

    def mean(self, measure: str) -> float:
        """Return the mean of a measure."""
        return self.sums[measure] / self.photos

    def add(self, photo: PhotoMeasures) -> "Baseline":
        """Return the baseline with one more photo, or the same one if it is complete."""
        if self.is_complete:
            return self
        sums = {name: self.sums.get(name, 0.0) + getattr(photo, name) for name in WATCHED_MEASURES}
        return Baseline(self.photos + 1, sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus:
    """What the monitoring knows of a camera after its photos up to `counted_until`.

    `window` holds the newest photos, `basis` names what judged the last one, and `learned`
    are the ranges of its model's reference. `usual` and `unusual` count
    the photos before the window that came without an alarm. `averages` are the moving averages of the
    measures. `drift_photos` is the number of photos in a row for which one of them was beyond its limit,
    negative if none was, and `drift_since` the time of the first of them. `baseline_from` is the order that
    began the baseline. `alarms` maps the raised alarms to the time since when.
    """

    camera: str
    counted_until: str = ""
    basis: str = ""
    learned: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    window: tuple[CameraPhoto, ...] = ()
    usual: int = 0
    unusual: int = 0
    baseline: Baseline = Baseline()
    baseline_from: str = ""
    averages: Mapping[str, float] = field(default_factory=dict)
    drift_photos: int = 0
    drift_since: str = ""
    alarms: Mapping[AlarmKind, str] = field(default_factory=dict)

    @property
    def unusual_share(self) -> float:
        """Return the camera's own share (0 to 1) of unusual photos, without those in the window."""
        total = self.usual + self.unusual
        return self.unusual / total if total else 0.0

    @property
    def unusual_in_window(self) -> int:
        """Return the number of unusual photos among the newest."""
        return sum(bool(photo.unusual) for photo in self.window)

    @property
    def repeated_in_window(self) -> int:
        """Return the number of repeated frames among the newest."""
        return sum(bool(photo.same_frame_as) for photo in self.window)


class CameraStatuses(dict[str, CameraStatus]):
    """Statuses by the names of their cameras. A camera without one has an empty status."""

    def __missing__(self, camera: str) -> CameraStatus:
        return CameraStatus(camera=camera)


def add_photo(status: CameraStatus, photo: CameraPhoto, margins: Mapping[str, float]) -> CameraStatus:
    """Return the status after one more photo. `margins` are those of the measures, in their units.

    A photo that was counted already changes nothing.
    """
    position = position_of(photo)
    if position <= status.counted_until:
        return status
    oldest = status.window[0] if len(status.window) == WINDOW else None
    if oldest and AlarmKind.UNUSUAL not in status.alarms:
        status = replace(
            status,
            usual=status.usual + (not oldest.unusual),
            unusual=status.unusual + bool(oldest.unusual),
        )
    short = replace(photo, frame_hash="", model="", basis="")
    window = (*status.window, short)[-WINDOW:]
    status = replace(status, window=window, basis=photo.basis, counted_until=position)
    if not photo.unusual and not photo.same_frame_as:
        status = _follow_light(status, photo, margins)
    return replace(status, alarms=_judge_alarms(status, photo))


def position_of(photo: CameraPhoto) -> str:
    """Return a photo's position in the order in which photos are counted."""
    return f"{photo.observed_at}#{photo.inspection_id}"


def _follow_light(status: CameraStatus, photo: CameraPhoto, margins: Mapping[str, float]) -> CameraStatus:
    """Move the averages towards a photo's measures, and count the photos beyond the limit of drift."""
    if not status.baseline.is_complete:
        return status
    averages = {}
    for name in WATCHED_MEASURES:
        before = status.averages.get(name, status.baseline.mean(name))
        averages[name] = before + AVERAGE_WEIGHT * (getattr(photo, name) - before)
    status = replace(status, averages=averages)
    is_beyond = bool(find_drift(status, margins))
    if is_beyond is (status.drift_photos > 0) and status.drift_photos:
        return replace(status, drift_photos=status.drift_photos + (1 if is_beyond else -1))
    return replace(status, drift_photos=1 if is_beyond else -1, drift_since=photo.observed_at)


def find_drift(status: CameraStatus, margins: Mapping[str, float]) -> list[str]:
    """Return the measures whose moving average is further from the baseline than half of the margin."""
    return [
        name
        for name, average in status.averages.items()
        if abs(average - status.baseline.mean(name)) > DRIFT_MARGIN_SHARE * margins[name]
    ]


def _judge_alarms(status: CameraStatus, photo: CameraPhoto) -> dict[AlarmKind, str]:
    """Return the raised alarms after a photo. An alarm that stays raised keeps its time."""
    is_full = len(status.window) == WINDOW
    own_share = max(status.unusual_share, LEAST_UNUSUAL_SHARE)
    is_unusual = (
        status.unusual_in_window >= UNUSUAL_PHOTOS
        and status.unusual_in_window / WINDOW >= UNUSUAL_FACTOR * own_share
    )
    first_unusual = next((entry.observed_at for entry in status.window if entry.unusual), "")
    first_repeated = next((entry.observed_at for entry in status.window if entry.same_frame_as), "")
    verdicts = {
        AlarmKind.UNUSUAL: (is_unusual, is_full and not status.unusual_in_window, first_unusual),
        AlarmKind.FROZEN: (
            status.repeated_in_window >= REPEATED_PHOTOS,
            is_full and not status.repeated_in_window,
            first_repeated,
        ),
        AlarmKind.DRIFT: (
            status.drift_photos >= DRIFT_PHOTOS,
            status.drift_photos <= -DRIFT_PHOTOS,
            status.drift_since,
        ),
    }
    alarms = dict(status.alarms)
    for kind, (begins, ends, since) in verdicts.items():
        if kind in alarms and ends:
            del alarms[kind]
        elif kind not in alarms and begins:
            alarms[kind] = since or photo.observed_at
    return alarms


def status_from_dict(plain: Mapping[str, Any]) -> CameraStatus:
    """Build a status from its JSON form."""
    photos = tuple(CameraPhoto(**{**photo, "unusual": tuple(photo["unusual"])}) for photo in plain["window"])
    return CameraStatus(
        **{
            **plain,
            "window": photos,
            "learned": {name: (low, high) for name, (low, high) in plain["learned"].items()},
            "baseline": Baseline(**plain["baseline"]),
            "alarms": {AlarmKind(kind): since for kind, since in plain["alarms"].items()},
        }
    )
