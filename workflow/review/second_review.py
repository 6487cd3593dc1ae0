"""The blind second review: another reviewer judges some settled photos without seeing the first verdict."""

import uuid
from dataclasses import replace

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditAction, AuditEntry, Inspection, SecondReview
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionDatabase, InspectionRepository, get_or_raise
from workflow.inspections.undo_window import MAX_UNDO_SECONDS
from workflow.inspections.verdict import Verdict
from workflow.review import revision
from workflow.review.decisions import MessageQueue, build_undo, validate_answer
from workflow.review.queue import ReviewRepository

MODEL = "model"


def is_due(row: Inspection) -> bool:
    """Return True if a settled photo waits for a second review."""
    return (
        row.settled
        and row.second_review is None
        and row.prediction is not None
        and row.prediction.sampled_for_second_review
    )


def submit(
    inspections: InspectionRepository,
    reviews: ReviewRepository,
    inspection_id: InspectionId,
    verdict: Verdict,
    reviewer: str,
    reason: str = "",
    *,
    answer_id: str = "",
    defect_class: str = "",
) -> SecondReview:
    """Store a second reviewer's answer. If it differs from the first verdict, the photo is a disagreement.

    Idempotent: the same `answer_id` returns the same answer. Raise Conflict if the photo does not wait for a
    second review by this reviewer.
    """
    validate_answer(verdict, reason, defect_class)
    row = get_or_raise(inspections, inspection_id)
    answer_id = answer_id or str(uuid.uuid4())
    second = row.second_review
    if second is not None and second.id == answer_id and second.reviewer == reviewer:
        return second
    if answer_id in row.undone_ids:
        raise Conflict(f"{row.image.key}: this answer was undone")
    first_decided_by = row.decision.reviewer if row.decision else MODEL
    if not is_due(row) or row.verdict is None or first_decided_by == reviewer:
        raise Conflict(f"{row.image.key}: it does not wait for a second review by {reviewer}")
    second = SecondReview(
        id=answer_id,
        verdict=verdict,
        reviewer=reviewer,
        at=timestamps.now(),
        first_verdict=row.verdict,
        first_decided_by=first_decided_by,
        defect_class=defect_class,
        reason=reason,
    )
    reviews.record_second_review(row, second, None, _audit_answer(row, second))
    return second


def _audit_answer(row: Inspection, second: SecondReview) -> AuditEntry:
    return AuditEntry(
        inspection_id=row.id,
        at=second.at,
        actor=second.reviewer,
        action=AuditAction.SECOND_REVIEW,
        before=second.first_verdict,
        after=second.verdict,
        reason=second.reason,
        decision_id=second.id,
        defect_class=second.defect_class,
    )


def undo(
    inspections: InspectionRepository,
    reviews: ReviewRepository,
    inspection_id: InspectionId,
    answer_id: str,
    reviewer: str,
) -> Inspection:
    """Undo a reviewer's own second review before its adjudication; lease the photo to them again.

    Idempotent. Raise Conflict if it is too late, or if the answer is not this reviewer's.
    """
    row = get_or_raise(inspections, inspection_id)
    if answer_id in row.undone_ids:
        return row
    second = row.second_review
    if second is None or second.id != answer_id or second.reviewer != reviewer:
        raise Conflict(f"{row.image.key}: {reviewer} has no such answer to undo")
    if second.adjudicated_by:
        raise Conflict(f"{row.image.key}: too late to undo: {second.adjudicated_by} adjudicated it")
    now = timestamps.now()
    is_late = timestamps.seconds_between(second.at, now) > MAX_UNDO_SECONDS
    if is_late or not is_due(replace(row, second_review=None)):  # The verdict may have been revised.
        raise Conflict(f"{row.image.key}: too late to undo")
    lease, entry = build_undo(row, second, now)
    reviews.record_second_review(row, None, lease, entry)
    return get_or_raise(inspections, inspection_id)


def adjudicate(
    inspections: InspectionDatabase,
    reviews: ReviewRepository,
    queue: MessageQueue,
    inspection_id: InspectionId,
    verdict: Verdict,
    reviewer: str,
    reason: str,
    *,
    decision_id: str = "",
    defect_class: str = "",
) -> Inspection:
    """Settle a disagreement: confirm the first verdict, or override it. Raise Conflict if there is none."""
    validate_answer(verdict, reason, defect_class)
    row = get_or_raise(inspections, inspection_id)
    second = row.second_review
    if second is None or second.agrees or second.final_verdict:
        raise Conflict(f"{row.image.key}: there is no disagreement")
    if verdict is not row.verdict:
        return revision.override(
            inspections,
            queue,
            row.id,
            verdict,
            reviewer,
            reason=reason,
            decision_id=decision_id,
            defect_class=defect_class,
        )
    now = timestamps.now()
    confirmed = replace(second, adjudicated_by=reviewer, adjudicated_at=now, final_verdict=verdict)
    entry = AuditEntry(
        inspection_id=row.id,
        at=now,
        actor=reviewer,
        action=AuditAction.CONFIRM,
        before=verdict,
        after=verdict,
        reason=reason,
        decision_id=second.id,
    )
    reviews.record_second_review(row, confirmed, None, entry)
    return replace(row, second_review=confirmed)
