"""The examination of an uploaded file before anything is paid for."""

import hashlib
from typing import Literal

from workflow.photos import file_types, jpeg, png
from workflow.photos.photo import MAX_BYTES, Photo, Reason, Rejection

__all__ = ["MAX_BYTES", "Photo", "Reason", "Rejection", "examine", "examine_size"]


def examine_size(size: int) -> Rejection | None:
    """What the size alone forbids, so that nothing needs to be downloaded."""
    if size <= 0:
        return Rejection(Reason.EMPTY, "The file is empty (0 bytes): upload it again.")
    if size > MAX_BYTES:
        return Rejection(
            Reason.TOO_LARGE,
            f"The file has {size:,} bytes, but at most {MAX_BYTES:,} (15 MB) are accepted: "
            "save it with fewer pixels or as a JPEG of lower quality.",
        )
    return None


def examine(content: bytes) -> Photo | Rejection:
    """Judge the bytes; the file's name has no say, and no byte sequence raises."""
    if refused := examine_size(len(content)):
        return refused
    kind: Literal["jpeg", "png"]
    if jpeg.recognises(content):
        kind, frame = "jpeg", jpeg.walk(content)
    elif png.recognises(content):
        kind, frame = "png", png.walk(content)
    else:
        return file_types.refuse(content)
    if isinstance(frame, Rejection):
        return frame
    digest = hashlib.sha256(content).hexdigest()
    return Photo(kind, frame.width, frame.height, frame.orientation, len(content), digest)
