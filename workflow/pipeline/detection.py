"""Detection: ask the model once per inspection, and wait or hand over to a person if it does not answer."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NotRequired, Protocol, TypedDict

from workflow import timestamps
from workflow.cameras.camera import CameraRepository
from workflow.cameras.doubts import check_master, find_doubts
from workflow.cameras.masters import MASTER_PHOTO, UNKNOWN_MASTER, find_camera_of, master_name
from workflow.errors import Conflict
from workflow.inspections.inspection import UPLOAD_DELETED, ExecutionName, Inspection, InspectionState
from workflow.inspections.model_reference import ReferenceRepository
from workflow.inspections.objects import Image, InspectionId, ObjectStore
from workflow.inspections.repository import InspectionRepository, check_withdrawable, require_owner
from workflow.inspections.routing_policy import RoutingPolicy, mark_unusual
from workflow.inspections.smoke_photos import DECIDED_BY_PERSON, is_smoke_photo
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.executions import ExecutionInput
from workflow.pipeline.reference_comparison import compare_with_reference

BACKOFF_SHARE = 0.01
BROKEN_WAIT_SECONDS = 60
RECOVERED_NOTE = "it was recovered: it lay in the filed bucket without an inspection"


class DetectionOutcome(StrEnum):
    """The outcome of a detection. The Choice `Did the model answer?` reads it."""

    ANSWERED = "answered"
    BUSY = "busy"
    NOT_READY = "not_ready"
    REFUSED = "refused"
    VANISHED = "vanished"


class DetectionDocument(TypedDict):
    """The part `$.detection` of the execution's document.

    ANSWERED has the fields from `verdict` to `review_seconds`. BUSY and NOT_READY have those from `reason` to
    `broken`: a photo asks a busy model again after `wait_seconds`, and waits for another one until it is
    woken, at most for `timeout_seconds`. Executions of an earlier definition use `wait_seconds` for both.
    `unusual` are the reasons why the photo is unusual, and `reference` is the time at which the reference was
    made that it was compared with; empty if it was compared with none. REFUSED has `code`. VANISHED means
    that the version was deleted meanwhile, and the inspection is closed.
    """

    outcome: DetectionOutcome
    verdict: NotRequired[str]
    label: NotRequired[str]
    confidence: NotRequired[float]  # 0 to 1
    threshold: NotRequired[float]
    note: NotRequired[str]
    unusual: NotRequired[list[str]]
    reference: NotRequired[str]
    review_seconds: NotRequired[int]
    reason: NotRequired[str]
    wait_seconds: NotRequired[int]
    timeout_seconds: NotRequired[int]
    broken: NotRequired[bool]
    code: NotRequired[str]


class DetectedDocument(ExecutionInput):
    """The execution's document after a detection."""

    detection: DetectionDocument


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer: every label with its confidence, and the model's ARN."""

    scores: tuple[Score, ...]
    model: str


@dataclass(frozen=True, slots=True)
class ModelNotReady:
    """A model that is stopped, starting or `busy`, and the seconds until it should be asked again.

    `broken` means that this lasts until a person repairs the configuration.
    """

    reason: str
    wait_seconds: int
    broken: bool = False
    busy: bool = False


@dataclass(frozen=True, slots=True)
class ImageRefused:
    """An image that the model never accepts: a reason code and a sentence."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ImageUnreadable:
    """An object that the model's service could not read: it is deleted, or the service lacks permission."""

    detail: str


class Detector(Protocol):
    """A model that detects labels in an image. Another kind of model takes one adapter of this port.

    An answer holds every label of the model, and the ARN that the message, the history and the reference of
    the photo guard are named after. An adapter never raises for a photo: a file that the model cannot read is
    refused, and a model that cannot answer now is not ready, `broken` if only a person can mend it.
    `lambdas.detectors.build_detector` chooses the adapter by the model's ARN.
    """

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        """Return every label of the model for this image version."""


def detect(
    inspections: InspectionRepository,
    objects: ObjectStore,
    detector: Detector,
    references: ReferenceRepository,
    cameras: CameraRepository,
    policy: RoutingPolicy,
    inspection_id: InspectionId,
    owner: ExecutionName,
    now: str,
    *,
    stay_parked: bool = False,
) -> DetectionDocument:
    """Ask the model about one inspection and store its answer. A stored answer is never paid for twice.

    An unusual photo is unclear at any confidence, with the model's scores. So is a photo of the smoke test,
    which waits for no model. The wait for a model counts from the claim of the photo, so that an attempt does
    not restart it; in a later revision it counts from the attempt. A parked photo is in flight again, unless
    it only looks and is to `stay_parked`.
    """
    row = require_owner(inspections, inspection_id, owner)
    if row.state is InspectionState.PARKED and not stay_parked:
        inspections.unpark(row)
    if answer := _stored_answer(inspections, row, policy):
        return answer
    waited_seconds = timestamps.seconds_between(row.revision_started_at, now)
    refusal = _refuse_unknown_master(cameras, row)
    response = refusal or _predict_recovered(row, policy) or detector.detect_labels(row.location)
    if isinstance(response, ImageUnreadable):
        response = _explain_unreadable(objects, row, response)
    if isinstance(response, ModelNotReady):
        if waited_seconds < policy.model_wait_seconds and not is_smoke_photo(row.image.key):
            return not_ready(response, waited_seconds, policy.model_wait_seconds)
        response = _stop_waiting(objects, row, policy, waited_seconds)
    if isinstance(response, ModelAnswer):
        response = _predict(inspections, references, row, response, policy)
    try:
        if isinstance(response, ImageRefused):
            return _store_rejection(inspections, row, response)
        return _store_prediction(inspections, cameras, row, response, policy)
    except Conflict:
        # A concurrent run of this state stored its answer first: that one is valid.
        if answer := _stored_answer(inspections, require_owner(inspections, inspection_id, owner), policy):
            return answer
        raise


def _stop_waiting(
    objects: ObjectStore, row: Inspection, policy: RoutingPolicy, waited_seconds: float
) -> Prediction | ImageRefused:
    """Let a person decide about a photo that no model answered for, unless it was deleted meanwhile."""
    if _is_deleted(objects, row):
        return ImageRefused(UPLOAD_DELETED, "The photo was deleted while no model answered.")
    smoke = is_smoke_photo(row.image.key)
    note = DECIDED_BY_PERSON if smoke else f"no model answered in {round(waited_seconds / 3600)} h"
    return policy.predict_without_model(note)


def _predict_recovered(row: Inspection, policy: RoutingPolicy) -> Prediction | None:
    """Return an unclear prediction for a recovered photo: a person decides it, unless they ask the model."""
    return policy.predict_without_model(RECOVERED_NOTE) if row.recovered and row.revision == 1 else None


def not_ready(response: ModelNotReady, waited_seconds: float, limit_seconds: int) -> DetectionDocument:
    """Return the outcome for a photo that has waited for its model, and waits for `limit_seconds` at most."""
    # Back off to a hundredth of the elapsed wait, so that the longest wait stays below Step Functions'
    # limit of 25,000 events.
    answer: DetectionDocument = {
        "outcome": DetectionOutcome.BUSY if response.busy else DetectionOutcome.NOT_READY,
        "reason": response.reason,
        "wait_seconds": max(response.wait_seconds, round(waited_seconds * BACKOFF_SHARE)),
        "timeout_seconds": max(1, math.ceil(limit_seconds - waited_seconds)),
    }
    return {**answer, "broken": True} if response.broken else answer


def _is_deleted(objects: ObjectStore, row: Inspection) -> bool:
    """Return True if the upload was deleted. Raise NotFound if a filed photo is missing: it is lost."""
    if objects.fetch(row.location, 0) is not None:
        return False
    check_withdrawable(row)
    return True


def _explain_unreadable(
    objects: ObjectStore, row: Inspection, response: ImageUnreadable
) -> ModelNotReady | ImageRefused:
    """Distinguish a deleted upload from a wrong configuration, whose repair the photo waits for."""
    if _is_deleted(objects, row):
        return ImageRefused(
            UPLOAD_DELETED, f"The photo was deleted before the model saw it: {response.detail}"
        )
    reason = "the model's service may not read the photos that we may; check its rights and its region"
    return ModelNotReady(reason, BROKEN_WAIT_SECONDS, broken=True)


def _stored_answer(
    inspections: InspectionRepository, row: Inspection, policy: RoutingPolicy
) -> DetectionDocument | None:
    if row.prediction is not None:
        return _answered(row.prediction, policy)
    return _refused(inspections, row, row.rejection["code"]) if row.rejection else None


def _predict(
    inspections: InspectionRepository,
    references: ReferenceRepository,
    row: Inspection,
    answer: ModelAnswer,
    policy: RoutingPolicy,
) -> Prediction:
    examination = compare_with_reference(inspections, references, row, answer.model)
    prediction = policy.predict(answer.scores, answer.model, examination.unusual)
    if is_smoke_photo(row.image.key):
        prediction = replace(prediction, verdict=Verdict.UNCLEAR, note=DECIDED_BY_PERSON)
    return replace(prediction, reference=examination.reference)


def _store_prediction(
    inspections: InspectionRepository,
    cameras: CameraRepository,
    row: Inspection,
    prediction: Prediction,
    policy: RoutingPolicy,
) -> DetectionDocument:
    """Store a prediction with the doubts of its camera, or the judgement of a master part's photo."""
    if camera := find_camera_of(cameras, master_name(row.image.key)):
        sentence = check_master(cameras, camera, row, prediction)
        return _store_rejection(inspections, row, ImageRefused(MASTER_PHOTO, sentence))
    if prediction.model:
        prediction = mark_unusual(prediction, find_doubts(cameras, row, prediction))
    prediction = policy.sample_for_second_review(row.id, prediction)
    inspections.record_prediction(row.id, row.owner, prediction)
    return _answered(prediction, policy)


def _store_rejection(
    inspections: InspectionRepository, row: Inspection, refusal: ImageRefused
) -> DetectionDocument:
    inspections.record_rejection(row.id, row.owner, {"code": refusal.code, "detail": refusal.detail})
    return _refused(inspections, row, refusal.code)


def _refuse_unknown_master(cameras: CameraRepository, row: Inspection) -> ImageRefused | None:
    """Refuse the photo of a master part that no camera has: no one knows which verdict it should get."""
    name = master_name(row.image.key)
    if not name or find_camera_of(cameras, name):
        return None
    return ImageRefused(
        UNKNOWN_MASTER,
        f"No camera has a master part {name}: add it with `partcheck camera master add`, then reinspect "
        "the photo.",
    )


def _refused(inspections: InspectionRepository, row: Inspection, code: str) -> DetectionDocument:
    """Refuse the photo, or close its inspection if it is deleted: nothing is left to move or announce."""
    if code != UPLOAD_DELETED:
        return {"outcome": DetectionOutcome.REFUSED, "code": code}
    inspections.close(row.id, row.owner, timestamps.now())
    return {"outcome": DetectionOutcome.VANISHED}


def _answered(prediction: Prediction, policy: RoutingPolicy) -> DetectionDocument:
    return {
        "outcome": DetectionOutcome.ANSWERED,
        "verdict": prediction.verdict.value,
        "label": prediction.label,
        "confidence": prediction.confidence,
        "threshold": prediction.threshold,
        "note": prediction.note,
        "unusual": list(prediction.unusual),
        "reference": prediction.reference,
        "review_seconds": policy.review_seconds,
    }
