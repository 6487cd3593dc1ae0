"""Master parts: parts with known verdicts, which show whether a camera and its model still judge rightly."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from workflow import timestamps
from workflow.cameras.camera import Camera, CameraRepository, Containment, MasterCheck, MasterPart
from workflow.errors import ConfigurationError, Conflict

FOLDER = "masters"
MASTER_PHOTO, UNKNOWN_MASTER = "master_part", "unknown_master"
MASTER_CODES = (MASTER_PHOTO, UNKNOWN_MASTER)
MAX_NAME_LENGTH = 64


def master_name(key: str) -> str:
    """Return the name of the master part that a key marks, as in `masters/<name>/photo.jpg`, or nothing."""
    parts = key.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == FOLDER else ""


def find_camera_of(cameras: CameraRepository, name: str) -> Camera | None:
    """Return the camera that has a master part of this name, or None."""
    if not name:
        return None
    return next((camera for camera in cameras.list_cameras() if name in camera.masters), None)


def add_master(cameras: CameraRepository, camera: str, master: MasterPart) -> Camera:
    """Give a camera a master part. Raise ConfigurationError for a bad name, Conflict for one in use."""
    name = master.name
    if not name or "/" in name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ConfigurationError(
            f"a master part's name has 1 to {MAX_NAME_LENGTH} printable characters without '/', not {name!r}"
        )
    if owner := find_camera_of(cameras, master.name):
        raise Conflict(f"camera {owner.name} has a master part {master.name} already; choose another name")
    return cameras.change_camera(
        camera, lambda before: replace(before, masters={**before.masters, master.name: master})
    )


def remove_master(cameras: CameraRepository, name: str) -> Camera:
    """Remove a master part. Raise Conflict if no camera has it."""
    camera = find_camera_of(cameras, name)
    if camera is None:
        raise Conflict(f"no camera has a master part {name}; see `partcheck camera master list`")
    return cameras.change_camera(
        camera.name,
        lambda before: replace(
            before, masters={other: part for other, part in before.masters.items() if other != name}
        ),
    )


def record_check(cameras: CameraRepository, camera: str, name: str, check: MasterCheck) -> Camera:
    """Store the judgement of a master part's photo; an older photo than the last one changes nothing.

    A wrong judgement begins the containment at the part's last success. It ends when every part passes.
    """

    def change(before: Camera) -> Camera:
        master = before.masters.get(name)
        if master is None or (master.last_check and master.last_check.at > check.at):
            return before
        passed_at = check.at if check.verdict is master.expected else master.last_passed_at
        master = replace(master, last_check=check, last_passed_at=passed_at)
        after = replace(before, masters={**before.masters, name: master})
        return replace(after, containment=_contain(after, master, check.at))

    return cameras.change_camera(camera, change)


def _contain(camera: Camera, master: MasterPart, at: str) -> Containment | None:
    """Return the camera's containment after a check of a master part at a time."""
    before = camera.containment
    if master.failed:
        since = master.last_passed_at or master.added_at
        return Containment(min(since, before.since) if before else since)
    if before and not before.until and not any(part.failed for part in camera.masters.values()):
        return replace(before, until=at)
    return before


def explain_masters(camera: Camera, basis: str, now: str) -> tuple[str, ...]:
    """Return the reasons why the camera's *ok* verdicts need a person; none if its master parts pass."""
    reasons = (explain_master(camera, master, basis, now) for master in camera.masters.values())
    return tuple(reason for reason in reasons if reason)


def explain_master(camera: Camera, master: MasterPart, basis: str, now: str) -> str:
    """Return why a master part does not vouch for the camera; empty if it does.

    `basis` names the model, policy and reference in use. A new master part has the time of grace.
    """
    check = master.last_check
    begin = shift_start(camera, now)
    if check is None:
        due = timestamps.add_seconds(master.added_at, 60 * camera.grace_minutes)
        return f"master part {master.name} is overdue: it was never judged" if now > due else ""
    if master.failed:
        return (
            f"master part {master.name} was judged {check.verdict} at {check.at}; expected {master.expected}"
        )
    if check.basis != basis:
        return f"master part {master.name} is overdue: the model, the policy or the reference has changed"
    if check.at < begin and now > timestamps.add_seconds(begin, 60 * camera.grace_minutes):
        return f"master part {master.name} is overdue: it was due at {begin}"
    return ""


def shift_start(camera: Camera, now: str) -> str:
    """Return the beginning of the camera's present shift; long ago if it has no shifts."""
    return max((begin for begin in _shift_starts(camera, now) if begin <= now), default=timestamps.EARLIEST)


def next_shift_start(camera: Camera, now: str) -> str:
    """Return the beginning of the camera's next shift; empty if it has no shifts."""
    return min((begin for begin in _shift_starts(camera, now) if begin > now), default="")


def _shift_starts(camera: Camera, now: str) -> list[str]:
    """Return the beginnings of the shifts of the local day of a time, the day before and the day after."""
    zone = ZoneInfo(camera.timezone)
    today = timestamps.parse(now).astimezone(zone).date()
    return [
        timestamps.format_timestamp(
            datetime.combine(today + timedelta(days=days), time.fromisoformat(shift), zone)
        )
        for days in (-1, 0, 1)
        for shift in camera.shifts
    ]


def describe_check(camera: str, master: MasterPart, check: MasterCheck, doubts: tuple[str, ...]) -> str:
    """Return one sentence about the judgement of a master part's photo, and the doubts about the photo."""
    result = "passed" if check.verdict is master.expected else "failed"
    sentence = (
        f"Master part {master.name} of camera {camera} {result}: expected {master.expected}, "
        f"judged {check.verdict} ({check.confidence:.2f})"
    )
    return f"{'; '.join((sentence, *doubts))}. It is no production part."
