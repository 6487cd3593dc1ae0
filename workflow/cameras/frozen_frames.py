"""Frozen cameras: find a frame that a camera delivers again under another key."""

from workflow.cameras.camera import Camera, CameraPhoto, CameraRepository, Suspect

WINDOW = 20
ACTOR = "camera monitoring"


def register_photo(cameras: CameraRepository, camera: Camera, photo: CameraPhoto) -> tuple[str, ...]:
    """Store a photo in its camera's history, and return the reasons why a person must judge it.

    The photo is stored before its neighbours are read, so that of two equal frames at least one sees the
    other. The first photo of a frame has no equal neighbours yet: those that come later see it. The
    neighbours are those in the order of the claims, so that a repeated call finds them again.
    Equal bytes under one key are a new upload of the same photo, and no repetition.
    """
    stored = cameras.add_photo(photo)
    reasons = (stored.suspect,) if stored.suspect else ()
    if camera.live_reason:
        return reasons
    is_first = stored.frame_first_seen == photo.inspection_id
    equal = [] if is_first else find_equal_frames(stored, cameras.list_equal_neighbours(stored, WINDOW))
    for other in equal:
        if not other.suspect and not other.same_frame_as:
            reason = f"the same frame came again as {stored.key}: the camera may be frozen"
            cameras.add_suspect(other, Suspect(inspection_id=other.inspection_id, reason=reason, actor=ACTOR))
    if equal and not stored.same_frame_as:
        cameras.mark_repeated(stored, equal[0].key)
    repeated = stored.same_frame_as or (equal[0].key if equal else "")
    return (*reasons, f"the same frame as {repeated}: the camera may be frozen") if repeated else reasons


def find_equal_frames(photo: CameraPhoto, neighbours: list[CameraPhoto]) -> list[CameraPhoto]:
    """Return the neighbours that show the same frame under another key."""
    return [other for other in neighbours if other.frame_hash == photo.frame_hash and other.key != photo.key]
