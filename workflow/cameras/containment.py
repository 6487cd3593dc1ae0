"""Containment: the parts that passed while a camera's master parts were judged wrongly."""

from dataclasses import dataclass, replace

from workflow.cameras.camera import Camera, CameraPhoto, CameraRepository, Suspect
from workflow.cameras.monitoring import passed
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection
from workflow.inspections.repository import InspectionRepository


@dataclass(frozen=True, slots=True)
class DoubtfulPart:
    """A photo that passed without a person between two successes of the master parts."""

    photo: CameraPhoto
    row: Inspection


def list_doubtful_parts(
    cameras: CameraRepository, inspections: InspectionRepository, camera: Camera, now: str
) -> list[DoubtfulPart]:
    """List the photos that passed in the camera's containment, oldest first; none without a containment.

    Photos that are to be reopened already are left out.
    """
    period = camera.containment
    if period is None:
        return []
    photos = cameras.list_photos(camera.name, period.since, period.until or now)
    candidates = [photo for photo in photos if not photo.is_master and not photo.suspect]
    rows = ((photo, inspections.get(photo.inspection_id)) for photo in candidates)
    return [DoubtfulPart(photo, row) for photo, row in rows if row is not None and passed(row)]


def reopen_doubtful_parts(
    cameras: CameraRepository, inspections: InspectionRepository, camera: Camera, actor: str, now: str
) -> int:
    """Let people judge all doubtful parts, and return their number.

    The monitoring reopens them within minutes. A containment that is over ends with it. Raise Conflict if
    the camera has none.
    """
    period = camera.containment
    if period is None:
        raise Conflict(f"camera {camera.name} has no doubtful parts: no master part was judged wrongly")
    parts = list_doubtful_parts(cameras, inspections, camera, now)
    reason = f"a master part of camera {camera.name} was judged wrongly after its success at {period.since}"
    for part in parts:
        suspect = Suspect(inspection_id=part.row.id, reason=reason, actor=actor)
        cameras.add_suspect(part.photo, suspect)
    if period.until:
        cameras.change_camera(
            camera.name,
            lambda before: replace(before, containment=None) if before.containment == period else before,
        )
    return len(parts)
