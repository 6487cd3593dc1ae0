"""An inspection as it is told: one JSON form, and the words for its parts."""

from typing import Any

from workflow import timestamps
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image
from workflow.inspections.undo_window import progress

IN_FLIGHT = "in flight"
WITHDRAWN = "withdrawn"


def verdict(row: Inspection) -> str:
    """Where the photo is filed; one without a verdict is in flight, or was deleted before it had one."""
    if row.withdrawn:
        return WITHDRAWN
    return row.verdict.value if row.verdict else IN_FLIGHT


def answered(row: Inspection) -> bool:
    """Whether the line has said what it can: a verdict, a question to a person, or that the photo is gone."""
    return row.settled or row.state is State.WAITING or row.withdrawn


def answered_at(row: Inspection) -> str:
    """When the verdict was there, or the question to a person; empty if there was neither."""
    if row.settled:
        return row.settled_at
    return row.review.opened_at if row.review else ""


def seconds(row: Inspection, uploaded_at: str = "") -> float | None:
    """From the upload to the answer. Events know the upload to the second; who uploaded knows better."""
    if not answered_at(row):
        return None
    return max(0.0, timestamps.seconds_between(uploaded_at or row.uploaded_at, answered_at(row)))


def confidence(row: Inspection) -> float | None:
    """The model's confidence in its strongest label, if it was asked."""
    return row.prediction.confidence if row.prediction else None


def threshold(row: Inspection) -> float | None:
    """The threshold of that label."""
    return row.prediction.threshold if row.prediction else None


def place(image: Image) -> dict[str, str]:
    """An image version as JSON."""
    return {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}


def address(image: Image) -> str:
    """An image's address in S3."""
    return f"s3://{image.bucket}/{image.key}"


def facts(row: Inspection, uploaded_at: str = "") -> dict[str, Any]:
    """The JSON form of an inspection."""
    prediction, review, decision, reached = row.prediction, row.review, row.decision, progress(row)
    return {
        "id": row.id,
        "key": row.image.key,
        "image": place(row.image),
        "execution": row.owner,
        "attempt": row.attempt,
        "state": row.state.value,
        "verdict": row.verdict.value if row.verdict else None,
        "location": place(row.location),
        "label": prediction.label if prediction else None,
        "confidence": confidence(row),
        "threshold": threshold(row),
        "scores": {score.label: score.confidence for score in prediction.scores} if prediction else {},
        "note": prediction.note if prediction else "",
        "model": prediction.model if prediction else "",
        "policy_version": prediction.policy_version if prediction else "",
        "rejection": row.rejection or None,
        "review": {
            "opened_at": review.opened_at,
            "round": review.round,
            "deadline": review.deadline,
            "escalated": review.escalated,
        }
        if review
        else None,
        "decision": {
            "id": decision.id,
            "verdict": decision.verdict.value,
            "reviewer": decision.reviewer,
            "decided_at": decision.decided_at,
            "reason": decision.reason,
            "defect_class": decision.defect_class,
            "stage": reached.stage.value if reached else None,
        }
        if decision
        else None,
        "lease": {"reviewer": row.lease.reviewer, "until": row.lease.until} if row.lease else None,
        "hold": {"by": row.hold.by, "at": row.hold.at, "reason": row.hold.reason} if row.hold else None,
        "revision": row.revision,
        "uploaded_at": row.uploaded_at,
        "claimed_at": row.claimed_at,
        "settled_at": row.settled_at or None,
        "closed_at": row.closed_at or None,
        "seconds": seconds(row, uploaded_at),
    }
