"""The message that announces a verdict: its content, its stable id, and its exact text."""

import json
from typing import Any

from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Prediction, Verdict

SCHEMA_VERSION = "1.1"


def build_message(inspection: Inspection, verdict: Verdict, location: Image, at: str) -> str:
    """Build the message body for a photo that was filed at `location` at a time.

    The row stores the text, so that every delivery of one announcement has the same bytes. ASCII only: SQS
    refuses some control characters that S3 keys may hold. Its JSON schema is in docs/.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "announcement_id": f"{inspection.id}-{inspection.revision}",
        "inspection_id": inspection.id,
        "revision": inspection.revision,
        "corrects": f"{inspection.id}-{inspection.revision - 1}" if inspection.revision > 1 else None,
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
    }


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
