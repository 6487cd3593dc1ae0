"""The message that announces a verdict: its content, its stable id, and its exact text."""

import json
from datetime import datetime
from typing import Any

from workflow import timestamps
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image
from workflow.inspections.repository import InspectionQueries
from workflow.inspections.smoke_photos import is_smoke_photo
from workflow.inspections.verdict import Prediction, Verdict
from workflow.photos.validation_result import RejectionReason

SCHEMA_VERSION = "1.3"
MAX_EARLIER_VERSIONS = 50
CLAIM_DELAY_SECONDS = 60


def build_message(
    inspection: Inspection, verdict: Verdict, location: Image, at: str, supersedes: str | None = None
) -> str:
    """Build the message body for a photo that was filed at `location` at a time.

    `supersedes` is the announcement of the empty object that the photo's key held before.

    The row stores the text, so that every delivery of one announcement has the same bytes. ASCII only: SQS
    refuses some control characters that S3 keys may hold. Its JSON schema is in docs/.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "announcement_id": _announcement_id(inspection),
        "inspection_id": inspection.id,
        "revision": inspection.revision,
        "corrects": f"{inspection.id}-{inspection.revision - 1}" if inspection.revision > 1 else None,
        "supersedes": supersedes,
        "test": is_smoke_photo(inspection.image.key),
        "verdict": verdict.value,
        "decided_by": _decided_by(inspection),
        "image": _image(inspection.image),
        "filed": _image(location),
        "sha256": inspection.sha256 or None,
        "uploaded_at": inspection.uploaded_at,
        "settled_at": at,
        "prediction": _prediction(inspection.prediction),
        "review": _review(inspection),
        "rejection": inspection.rejection or None,
    }
    return json.dumps(content, separators=(",", ":"))


def find_superseded(inspections: InspectionQueries, row: Inspection) -> str | None:
    """Return the announcement of the version before this one, if that version of the key was empty.

    Programs that write a file in steps create an empty object first, which is rejected at once. Upload times
    are whole seconds: within one, an empty object is the earlier one.
    """
    until = timestamps.add_seconds(row.claimed_at, CLAIM_DELAY_SECONDS)
    same_name = inspections.list_by_name(row.image.name, MAX_EARLIER_VERSIONS, until)
    same_key = [other for other in same_name if _key(other) == _key(row) and other.id != row.id]
    earlier = [other for other in same_key if _order(other) < _order(row)]
    previous = max(earlier, key=_order, default=None)
    return _announcement_id(previous) if previous is not None and _is_empty(previous) else None


def _order(row: Inspection) -> tuple[datetime, bool, str, str]:
    second = timestamps.parse(row.uploaded_at).replace(microsecond=0)
    return second, not _is_empty(row), row.claimed_at, row.id


def _is_empty(row: Inspection) -> bool:
    return row.rejection.get("code") == RejectionReason.EMPTY.value


def _key(row: Inspection) -> tuple[str, str]:
    return row.image.bucket, row.image.key


def _announcement_id(row: Inspection) -> str:
    return f"{row.id}-{row.revision}"


def _decided_by(inspection: Inspection) -> str:
    if inspection.rejection:
        return "check"
    return "reviewer" if inspection.decision else "model"


def _image(image: Image) -> dict[str, str]:
    return {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}


def _prediction(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return {
        "label": prediction.label,
        "verdict": prediction.verdict.value,
        "confidence": prediction.confidence,
        "threshold": prediction.threshold,
        "model": prediction.model,
        "policy_version": prediction.policy_version,
        "note": prediction.note,
        "unusual": _unusual(prediction),
    }


def _unusual(prediction: Prediction) -> list[str] | None:
    """Return the reasons, none for a usual photo, or None if the photo was compared with no reference."""
    return list(prediction.unusual) if prediction.unusual or prediction.reference else None


def _review(inspection: Inspection) -> dict[str, Any] | None:
    if inspection.decision is None:
        return None
    return {
        "decision_id": inspection.decision.id,
        "reviewer": inspection.decision.reviewer,
        "reason": inspection.decision.reason,
        "defect_class": inspection.decision.defect_class,
        "decided_at": inspection.decision.decided_at,
    }
