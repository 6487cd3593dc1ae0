"""Asking the model what it sees, once per inspection, and what to do when it does not answer."""

from dataclasses import dataclass
from typing import Any, Protocol

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import GONE, Inspection, Ledger, check_withdrawable, owned
from workflow.inspections.objects import Image, Shelf
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Prediction, Score

PATIENCE = 0.01
BROKEN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Scores:
    """The model answered: every label with its confidence, and which model it was."""

    scores: tuple[Score, ...]
    model: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """The model is stopped, starting or busy: ask again after so many seconds.

    `broken` says that it will stay so until a person mends the line's set-up.
    """

    why: str
    wait_seconds: int
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The model will never take this image: a reason code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The model's service could not read the object: it is gone, or the service lacks the right to it."""

    detail: str


class Detector(Protocol):
    """A model that names what it sees in an image."""

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused | Unreadable:
        """Every label of the model for this image version."""


def detect(
    ledger: Ledger,
    shelf: Shelf,
    detector: Detector,
    policy: RoutingPolicy,
    inspection_id: str,
    owner: str,
    now: str,
) -> dict[str, Any]:
    """Ask the model about one inspection and store the answer; a stored answer is never paid for twice.

    The wait for a model counts from the photo's entry in the ledger, so that it does not begin anew with each
    attempt; in a later revision it counts from the attempt. Returns the `$.detection` part of the execution's
    document. Its outcome `vanished` means that the version was deleted meanwhile: the inspection is closed.
    """
    row = owned(ledger, inspection_id, owner)
    if known := _known(ledger, row, policy):
        return known
    waited_seconds = timestamps.seconds_between(row.asked_at, now)
    answer = detector.custom_labels(row.location)
    if isinstance(answer, Unreadable):
        answer = _explained(shelf, row, answer)
    if isinstance(answer, NotReady):
        if waited_seconds < policy.model_wait_seconds:
            # Who waited long waits a little longer each time, so that the longest wait fits one history.
            seconds = max(answer.wait_seconds, round(waited_seconds * PATIENCE))
            told = {"outcome": "not_ready", "why": answer.why, "wait_seconds": seconds}
            return {**told, "broken": True} if answer.broken else told
        if _gone(shelf, row):
            answer = Refused(GONE, "The photo was deleted while no model answered.")
    try:
        return _stored(ledger, row, answer, policy, waited_seconds)
    except Conflict:
        # Another run of this same step stored its answer first: that one holds.
        if known := _known(ledger, owned(ledger, inspection_id, owner), policy):
            return known
        raise


def _gone(shelf: Shelf, row: Inspection) -> bool:
    """Whether the upload was deleted; NotFound for a filed photo, which nobody withdraws: it is lost."""
    if shelf.fetch(row.location, 0) is not None:
        return False
    check_withdrawable(row)
    return True


def _explained(shelf: Shelf, row: Inspection, answer: Unreadable) -> NotReady | Refused:
    """Whose fault it is: what S3 still gives to us is no fault of the photo's, so it waits for the set-up."""
    if _gone(shelf, row):
        return Refused(GONE, f"The photo was deleted before the model saw it: {answer.detail}")
    why = "the model's service may not read the photos that we may; check its rights and its region"
    return NotReady(why, BROKEN_SECONDS, broken=True)


def _known(ledger: Ledger, row: Inspection, policy: RoutingPolicy) -> dict[str, Any] | None:
    if row.prediction is not None:
        return _answered(row.prediction, policy)
    return _refused(ledger, row, row.rejection["code"]) if row.rejection else None


def _stored(
    ledger: Ledger,
    row: Inspection,
    answer: Scores | NotReady | Refused,
    policy: RoutingPolicy,
    waited_seconds: float,
) -> dict[str, Any]:
    if isinstance(answer, Refused):
        ledger.record_rejection(row.id, row.owner, {"code": answer.code, "detail": answer.detail})
        return _refused(ledger, row, answer.code)
    if isinstance(answer, NotReady):
        prediction = policy.without_model(f"no model answered in {round(waited_seconds / 3600)} h")
    else:
        prediction = policy.predict(answer.scores, answer.model)
    prediction = policy.drawn(row.id, prediction)
    ledger.record_prediction(row.id, row.owner, prediction)
    return _answered(prediction, policy)


def _refused(ledger: Ledger, row: Inspection, code: str) -> dict[str, Any]:
    """What the model never takes is moved; of an upload that is gone nothing is left to move or announce."""
    if code != GONE:
        return {"outcome": "refused", "code": code}
    ledger.close(row.id, row.owner, timestamps.now())
    return {"outcome": "vanished"}


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
