"""The JSON form of an inspection, and the values that lists show of it."""

from dataclasses import asdict
from typing import Any

from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image
from workflow.inspections.undo_window import decision_progress

IN_FLIGHT = "in flight"
WITHDRAWN = "withdrawn"


def verdict_or_status(row: Inspection) -> str:
    """Return the verdict. Without one the inspection is in flight, or withdrawn."""
    if row.withdrawn:
        return WITHDRAWN
    return row.verdict.value if row.verdict else IN_FLIGHT


def is_in_flight(row: Inspection) -> bool:
    """Return True if the photo has no settled verdict, does not wait for a person, and is not withdrawn."""
    return not (row.settled or row.state is InspectionState.WAITING or row.withdrawn)


def settled_or_queued_at(row: Inspection) -> str:
    """Return when the verdict was settled or the review opened; empty if neither happened."""
    if row.settled:
        return row.settled_at
    return row.review.opened_at if row.review else ""


def seconds_to_answer(row: Inspection, uploaded_at: str = "") -> float | None:
    """Return the seconds from upload to answer, or None. Events round the upload time to seconds."""
    if not settled_or_queued_at(row):
        return None
    return max(0.0, timestamps.seconds_between(uploaded_at or row.uploaded_at, settled_or_queued_at(row)))


def confidence(row: Inspection) -> float | None:
    """Return the model's confidence (0 to 1) in its strongest label, if it was asked."""
    return row.prediction.confidence if row.prediction else None


def threshold(row: Inspection) -> float | None:
    """Return the threshold (0 to 1) of that label."""
    return row.prediction.threshold if row.prediction else None


def describe_unusual(row: Inspection) -> str:
    """Return the reasons why the photo is unusual as one text, empty without any."""
    return "; ".join(row.prediction.unusual) if row.prediction else ""


def image_to_dict(image: Image) -> dict[str, str]:
    """Convert an image version to JSON."""
    return {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}


def s3_uri(image: Image) -> str:
    """Return the S3 URI of an image."""
    return f"s3://{image.bucket}/{image.key}"


def to_dict(row: Inspection, uploaded_at: str = "") -> dict[str, Any]:
    """Convert an inspection to JSON."""
    prediction = row.prediction
    return {
        "id": row.id,
        "key": row.image.key,
        "image": image_to_dict(row.image),
        "execution": row.owner,
        "attempt": row.attempt,
        "state": row.state.value,
        "verdict": row.verdict.value if row.verdict else None,
        "location": image_to_dict(row.location),
        "label": prediction.label if prediction else None,
        "confidence": confidence(row),
        "threshold": threshold(row),
        "scores": {score.label: score.confidence for score in prediction.scores} if prediction else {},
        "note": prediction.note if prediction else "",
        "unusual": list(prediction.unusual) if prediction else [],
        "model": prediction.model if prediction else "",
        "policy_version": prediction.policy_version if prediction else "",
        "reference": prediction.reference if prediction else "",
        "measures": _measures_to_dict(row),
        "rejection": row.rejection or None,
        "review": asdict(row.review) if row.review else None,
        "decision": _decision_to_dict(row),
        "lease": asdict(row.lease) if row.lease else None,
        "hold": asdict(row.hold) if row.hold else None,
        "revision": row.revision,
        "recovered": row.recovered,
        "uploaded_at": row.uploaded_at,
        "claimed_at": row.claimed_at,
        "settled_at": row.settled_at or None,
        "closed_at": row.closed_at or None,
        "seconds": seconds_to_answer(row, uploaded_at),
    }


def _measures_to_dict(row: Inspection) -> dict[str, Any] | None:
    if row.measures is None:
        return None
    return {name: value for name, value in asdict(row.measures).items() if name != "descriptor"}


def _decision_to_dict(row: Inspection) -> dict[str, Any] | None:
    decision, progress = row.decision, decision_progress(row)
    if decision is None:
        return None
    return {
        "id": decision.id,
        "verdict": decision.verdict.value,
        "reviewer": decision.reviewer,
        "decided_at": decision.decided_at,
        "reason": decision.reason,
        "defect_class": decision.defect_class,
        "status": progress.status.value if progress else None,
    }
