"""The overview of all cameras, for the page and for `partcheck camera list`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from workflow.cameras.camera import WATCHED_MEASURES, Camera
from workflow.cameras.camera_status import BASELINE_PHOTOS, AlarmKind, CameraStatus, CameraStatuses
from workflow.cameras.masters import explain_masters, next_shift_start

NO_MASTERS = "no master parts"


@dataclass(frozen=True, slots=True)
class MeasureReading:
    """A measure of the newest photos, oldest first, and the range that the model learned, if it is known."""

    values: tuple[float, ...]
    learned: tuple[float, float] | None

    @property
    def mean(self) -> float:
        """Return the mean of the values."""
        return fmean(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOverview:
    """One camera as a row of the overview. Texts are for people; an empty one means that nothing is wrong."""

    name: str
    last_photo_at: str
    last_photo_id: str
    readings: Mapping[str, MeasureReading]
    photos: int
    unusual: int
    own_unusual_share: float
    repeated: int
    live_reason: str
    drift: str
    masters: str
    reasons: tuple[str, ...]
    alarms: Mapping[AlarmKind, str]


def build_overview(statuses: CameraStatuses, cameras: Iterable[Camera], now: str) -> list[CameraOverview]:
    """Return one row for each camera that has photos, settings or master parts, by name."""
    camera_by_name = {camera.name: camera for camera in cameras}
    return [
        _describe(camera_by_name.get(name, Camera(name=name)), statuses[name], now)
        for name in sorted(statuses.keys() | camera_by_name.keys())
    ]


def describe_masters(camera: Camera, now: str) -> str:
    """Return when the master parts last passed, and when they are due again."""
    if not camera.masters:
        return NO_MASTERS
    passed_at = min(master.last_passed_at for master in camera.masters.values())
    due = next_shift_start(camera, now)
    return ", ".join(f"{word} {_to_minute(at)}" for word, at in (("passed", passed_at), ("due", due)) if at)


def _describe(camera: Camera, status: CameraStatus, now: str) -> CameraOverview:
    newest = status.window[-1] if status.window else None
    return CameraOverview(
        name=camera.name,
        last_photo_at=newest.claimed_at if newest else "",
        last_photo_id=newest.inspection_id if newest else "",
        readings=_read_measures(status),
        photos=len(status.window),
        unusual=status.unusual_in_window,
        own_unusual_share=status.unusual_share,
        repeated=status.repeated_in_window,
        live_reason=camera.live_reason,
        drift=_describe_drift(status),
        masters=describe_masters(camera, now),
        reasons=explain_masters(camera, newest_basis(camera, status), now),
        alarms=status.alarms,
    )


def newest_basis(camera: Camera, status: CameraStatus) -> str:
    """Return the model, policy and reference that judged the camera's newest photo or master part."""
    bases = [
        (master.last_check.at, master.last_check.basis)
        for master in camera.masters.values()
        if master.last_check
    ]
    bases += [(photo.claimed_at, status.basis) for photo in status.window[-1:]]
    return max(bases, default=("", ""))[1]


def _read_measures(status: CameraStatus) -> dict[str, MeasureReading]:
    if not status.window:
        return {}
    return {
        name: MeasureReading(tuple(getattr(photo, name) for photo in status.window), status.learned.get(name))
        for name in WATCHED_MEASURES
    }


def _describe_drift(status: CameraStatus) -> str:
    if AlarmKind.DRIFT in status.alarms:
        return f"drifting since {_to_minute(status.alarms[AlarmKind.DRIFT])}"
    if status.baseline.is_complete:
        return "steady"
    return f"learning: {status.baseline.photos} of {BASELINE_PHOTOS} confirmed photos"


def _to_minute(at: str) -> str:
    """Return a UTC timestamp to the minute, for people: 2026-01-31 10:00."""
    return at[:16].replace("T", " ")
