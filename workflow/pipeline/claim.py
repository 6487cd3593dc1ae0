"""Claiming an image version for an execution, validating its bytes and measuring the photo."""

import hashlib
from enum import StrEnum
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import ExecutionName, Inspection
from workflow.inspections.objects import Image, ObjectStore
from workflow.inspections.repository import (
    InspectionRepository,
    check_withdrawable,
    get_or_create,
    require_owner,
)
from workflow.photos.measures import PhotoMeter
from workflow.photos.validation import validate, validate_size
from workflow.photos.validation_result import MAX_BYTES, Rejection, ValidatedPhoto
from workflow.pipeline.start import new_inspection


class ClaimOutcome(StrEnum):
    """The outcome of a claim. The Choice `Is the upload readable?` reads it.

    UNREADABLE: the row holds the rejection. DECIDED: a person's decision is final and only has to be carried
    out. VANISHED: the version was deleted before it was validated. NOT_OWNER: another execution owns it.
    """

    READABLE = "readable"
    UNREADABLE = "unreadable"
    DECIDED = "decided"
    VANISHED = "vanished"
    NOT_OWNER = "not_owner"


def claim_upload(
    inspections: InspectionRepository,
    objects: ObjectStore,
    meter: PhotoMeter,
    image: Image,
    owner: ExecutionName,
    attempt: int,
    uploaded_at: str,
) -> ClaimOutcome:
    """Claim an image version for an execution, validate its bytes, and measure a valid photo.

    A photo that was validated before is measured if it has no measures of the present decoder.
    """
    row = get_or_create(inspections, new_inspection(image, owner, attempt, uploaded_at))
    if row is None:
        return ClaimOutcome.NOT_OWNER
    if outcome := _known_outcome(row):
        if outcome is ClaimOutcome.READABLE:
            _measure_again(inspections, objects, meter, row)
        return outcome
    try:
        return _validate_bytes(inspections, objects, meter, row)
    except Conflict:
        # A concurrent run of this state was faster; the photo may already have been moved.
        if outcome := _known_outcome(require_owner(inspections, row.id, owner)):
            return outcome
        raise


def _known_outcome(row: Inspection) -> ClaimOutcome | None:
    """Return the outcome of an earlier validation or of a decision, or None."""
    if row.decision is not None and row.decision.finalized:
        return ClaimOutcome.DECIDED
    if row.rejection and not row.upload_deleted:
        return ClaimOutcome.UNREADABLE
    return ClaimOutcome.READABLE if row.photo else None


def _measure_again(
    inspections: InspectionRepository, objects: ObjectStore, meter: PhotoMeter, row: Inspection
) -> None:
    """Measure a photo without measures of the present decoder. The model's answer shows if it is deleted."""
    if row.measures is not None and row.measures.decoder_version == meter.decoder_version:
        return
    fetched = objects.fetch(row.location, MAX_BYTES)
    if fetched is not None and fetched[1] is not None:
        inspections.record_measures(row.id, row.owner, meter.measure(fetched[1]))


def _validate_bytes(
    inspections: InspectionRepository, objects: ObjectStore, meter: PhotoMeter, row: Inspection
) -> ClaimOutcome:
    fetched = objects.fetch(row.location, MAX_BYTES)
    if fetched is None:
        return _known_outcome(require_owner(inspections, row.id, row.owner)) or _withdraw(inspections, row)
    stored, content = fetched
    result = validate_size(stored.size) if content is None else validate(content)
    sha256 = "" if content is None else hashlib.sha256(content).hexdigest()
    if content is not None and isinstance(result, ValidatedPhoto):
        inspections.record_upload(
            row.id,
            row.owner,
            stored,
            sha256=sha256,
            photo=_photo_to_dict(result),
            rejection={},
            measures=meter.measure(content),
        )
        return ClaimOutcome.READABLE
    if not isinstance(result, Rejection):
        raise RuntimeError(f"{row.image.key}: {stored.size} bytes were not delivered")
    rejection = {"code": result.code.value, "detail": result.detail}
    inspections.record_upload(row.id, row.owner, stored, sha256=sha256, photo={}, rejection=rejection)
    return ClaimOutcome.UNREADABLE


def _withdraw(inspections: InspectionRepository, row: Inspection) -> ClaimOutcome:
    check_withdrawable(row)
    inspections.close(row.id, row.owner, timestamps.now())
    return ClaimOutcome.VANISHED


def _photo_to_dict(photo: ValidatedPhoto) -> dict[str, Any]:
    return {
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "orientation": photo.orientation,
    }
