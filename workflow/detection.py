"""Asking the model what it sees, once per inspection, and what to do when it does not answer."""

from dataclasses import dataclass
from typing import Any, Protocol

from workflow.images import Image
from workflow.inspection import Ledger, owned
from workflow.policy import RoutingPolicy
from workflow.verdict import Prediction, Score


@dataclass(frozen=True, slots=True)
class Scores:
    """The model answered: every label with its confidence, and which model it was."""

    scores: tuple[Score, ...]
    model: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """The model is stopped, starting or busy: ask again after so many seconds."""

    why: str
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The model will never take this image: a reason code and a sentence."""

    code: str
    detail: str


class Detector(Protocol):
    """A model that names what it sees in an image."""

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused:
        """Every label of the model for this image version."""


def detect(
    ledger: Ledger,
    detector: Detector,
    policy: RoutingPolicy,
    inspection_id: str,
    owner: str,
    waited_seconds: float,
) -> dict[str, Any]:
    """Ask the model about one inspection and store the answer; a stored answer is never paid for twice.

    Returns the `$.detection` part of the execution's document.
    """
    row = owned(ledger, inspection_id, owner)
    if row.prediction is not None:
        return _answered(row.prediction, policy)
    if row.rejection:
        return {"outcome": "refused", "code": row.rejection["code"]}
    answer = detector.custom_labels(row.location)
    if isinstance(answer, Refused):
        ledger.record_rejection(row.id, owner, {"code": answer.code, "detail": answer.detail})
        return {"outcome": "refused", "code": answer.code}
    if isinstance(answer, NotReady):
        if waited_seconds < policy.model_wait_seconds:
            return {"outcome": "not_ready", "why": answer.why, "wait_seconds": answer.wait_seconds}
        prediction = policy.without_model(f"no model answered in {round(waited_seconds / 3600)} h")
    else:
        prediction = policy.predict(answer.scores, answer.model)
    ledger.record_prediction(row.id, owner, prediction)
    return _answered(prediction, policy)


def _answered(prediction: Prediction, policy: RoutingPolicy) -> dict[str, Any]:
    return {
        "outcome": "answered",
        "verdict": prediction.verdict.value,
        "label": prediction.label,
        "confidence": prediction.confidence,
        "threshold": prediction.threshold,
        "note": prediction.note,
        "review_seconds": policy.review_seconds,
    }
