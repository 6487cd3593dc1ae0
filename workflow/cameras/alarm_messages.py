"""The messages about a camera's alarms, for the escalation queue. Their schema is in docs/."""

import json
from collections import Counter
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from workflow.cameras.camera import WATCHED_MEASURES, CameraPhoto
from workflow.cameras.camera_status import AlarmKind, CameraStatus, find_drift

SCHEMA_VERSION = "1.0"
MAX_REASONS = 5


def build_alarm(
    kind: AlarmKind, status: CameraStatus, since: str, now: str, facts: Mapping[str, Any], message: str
) -> str:
    """Build the message of a raised alarm, as ASCII."""
    return _dump(kind, "raised", status.camera, since=since, at=now, **facts, message=message)


def build_clearance(kind: AlarmKind, status: CameraStatus, since: str, now: str) -> str:
    """Build the message that an alarm is over."""
    reasons = {
        AlarmKind.UNUSUAL: "its last 20 photos are usual",
        AlarmKind.FROZEN: "none of its last 20 photos repeats a frame",
        AlarmKind.DRIFT: "its light is near the baseline again",
        AlarmKind.MASTER: "its master parts pass; its ok verdicts stand without a person again",
    }
    message = f"Camera {status.camera}: {reasons[kind]}."
    return _dump(kind, "cleared", status.camera, since=since, at=now, message=message)


def describe_unusual(status: CameraStatus) -> tuple[dict[str, Any], str]:
    """Return the facts of an alarm about unusual photos: the measures that moved, and the good photos."""
    unusual = [photo for photo in status.window if photo.unusual]
    usual = [photo for photo in status.window if not photo.unusual]
    reasons = Counter(reason.split(" (")[0] for photo in unusual for reason in photo.unusual)
    facts = {
        "unusual_photos": len(unusual),
        "photos": len(status.window),
        "own_unusual_share": round(status.unusual_share, 4),
        "measures": {name: _compare(name, usual, unusual) for name in WATCHED_MEASURES},
        "reasons": [reason for reason, _ in reasons.most_common(MAX_REASONS)],
        "first_good_photo": _photo_to_dict(usual[0]) if usual else None,
        "last_good_photo": _photo_to_dict(usual[-1]) if usual else None,
        "first_unusual_photo": _photo_to_dict(unusual[0]),
    }
    message = (
        f"Camera {status.camera}: {len(unusual)} of its last {len(status.window)} photos are unusual "
        f"({reasons.most_common(1)[0][0]}). Check light, lens and position."
    )
    return facts, message


def describe_frozen(status: CameraStatus) -> tuple[dict[str, Any], str]:
    """Return the facts of an alarm about repeated frames."""
    repeated = [photo for photo in status.window if photo.same_frame_as]
    facts = {
        "repeated_photos": len(repeated),
        "first_repeated_photo": _photo_to_dict(repeated[0]),
        "same_frame_as": repeated[0].same_frame_as,
    }
    message = (
        f"Camera {status.camera} delivers the same frame again: {len(repeated)} of its last "
        f"{len(status.window)} photos. Restart it, and inspect the parts again."
    )
    return facts, message


def describe_drift(status: CameraStatus, margins: Mapping[str, float]) -> tuple[dict[str, Any], str]:
    """Return the facts of an alarm about drifting light."""
    moved = find_drift(status, margins)
    measures = {
        name: {
            "confirmed": round(status.baseline.mean(name), 3),
            "now": round(status.averages[name], 3),
            "margin": round(margins[name], 3),
        }
        for name in WATCHED_MEASURES
    }
    words = ", ".join(f"{name} {measures[name]['confirmed']} → {measures[name]['now']}" for name in moved)
    message = (
        f"Camera {status.camera}: the light is drifting since {status.drift_since} ({words}). "
        "Clean and adjust it before photos become unusual. No verdict changes."
    )
    return {"measures": measures, "moved": moved}, message


def describe_masters(
    status: CameraStatus, reasons: tuple[str, ...], doubtful_since: str
) -> tuple[dict[str, Any], str]:
    """Return the facts of an alarm about master parts. `doubtful_since` is the time of the last success."""
    message = (
        f"Camera {status.camera}: {'; '.join(reasons)}. Its ok verdicts wait for a person until its master "
        "parts pass: photograph them."
    )
    return {"reasons": list(reasons), "doubtful_since": doubtful_since or None}, message


def _compare(name: str, usual: list[CameraPhoto], unusual: list[CameraPhoto]) -> dict[str, float | None]:
    return {"usual": _mean(name, usual), "unusual": _mean(name, unusual)}


def _mean(name: str, photos: list[CameraPhoto]) -> float | None:
    if not photos:
        return None
    return round(fmean(getattr(photo, name) for photo in photos), 3)


def _photo_to_dict(photo: CameraPhoto) -> dict[str, str]:
    return {"inspection_id": photo.inspection_id, "key": photo.key, "claimed_at": photo.claimed_at}


def _dump(kind: AlarmKind, state: str, camera: str, **facts: Any) -> str:
    head = {"schema_version": SCHEMA_VERSION, "alarm": kind.value, "state": state, "camera": camera}
    return json.dumps({**head, **facts}, separators=(",", ":"))
