"""Validation of an uploaded file before the model is asked."""

from typing import Literal

from workflow.photos import jpeg, png, unsupported_types
from workflow.photos.validation_result import MAX_BYTES, Rejection, RejectionReason, ValidatedPhoto


def validate_size(size: int) -> Rejection | None:
    """Reject a file by its size in bytes, without downloading it. Return None if the size is accepted."""
    if size <= 0:
        return Rejection(RejectionReason.EMPTY, "The file is empty (0 bytes): upload it again.")
    if size > MAX_BYTES:
        return Rejection(
            RejectionReason.TOO_LARGE,
            f"The file has {size:,} bytes, but at most {MAX_BYTES:,} (15 MB) are accepted: "
            "save it with fewer pixels or as a JPEG of lower quality.",
        )
    return None


def validate(content: bytes) -> ValidatedPhoto | Rejection:
    """Validate a file by its bytes, not by its name. No byte sequence raises an exception."""
    if rejection := validate_size(len(content)):
        return rejection
    kind: Literal["jpeg", "png"]
    if jpeg.is_jpeg(content):
        kind, frame = "jpeg", jpeg.check_structure(content)
    elif png.is_png(content):
        kind, frame = "png", png.check_structure(content)
    else:
        return unsupported_types.reject_other_type(content)
    if isinstance(frame, Rejection):
        return frame
    return ValidatedPhoto(
        format=kind,
        width=frame.width,
        height=frame.height,
        orientation=frame.orientation,
        size=len(content),
    )
