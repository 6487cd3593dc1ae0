"""Submitting a reviewer's answer: a decision on an open photo, or the second review of a settled one."""

import uuid
from dataclasses import dataclass

from review_app.audit.trail import decision_status
from review_app.container import Container
from workflow import timestamps
from workflow.errors import NotFound
from workflow.inspections.inspection import AuditAction, AuditEntry, Inspection
from workflow.inspections.objects import InspectionId
from workflow.inspections.undo_window import DecisionStatus, undo_seconds_left
from workflow.inspections.verdict import Verdict
from workflow.review import decisions, second_review


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAnswer:
    """A reviewer's answer. The browser chooses `decision_id`, so that a repeated request is idempotent."""

    inspection_id: InspectionId
    decision_id: str
    verdict: Verdict
    defect_class: str
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedAnswer:
    """A stored answer, its delivery status, and the seconds left in which it can be undone."""

    id: str
    name: str
    decision_id: str
    verdict: Verdict
    defect_class: str
    status: str
    undo_seconds_left: int


def get_inspection(container: Container, inspection_id: InspectionId) -> Inspection:
    """Return the inspection. Raise NotFound if it does not exist."""
    row = container.inspections.get(inspection_id)
    if row is None:
        raise NotFound("Inspection not found.")
    return row


def submit(container: Container, answer: ReviewAnswer, reviewer: str, undo_seconds: int) -> SubmittedAnswer:
    """Store an answer as a decision or as a second review, whichever the inspection awaits.

    Raise Conflict if the inspection does not await this reviewer's answer.
    """
    row = get_inspection(container, answer.inspection_id)
    decision_id = answer.decision_id or str(uuid.uuid4())
    is_repeated = row.second_review is not None and row.second_review.id == decision_id
    if second_review.is_due(row) or is_repeated:
        second_review.submit(
            container.inspections,
            container.reviews,
            row.id,
            answer.verdict,
            reviewer,
            reason=answer.comment,
            answer_id=decision_id,
            defect_class=answer.defect_class,
        )
        seconds_left = undo_seconds
    else:
        decision = decisions.decide(
            container.inspections,
            container.decision_queue,
            row.id,
            answer.verdict,
            reviewer,
            reason=answer.comment,
            decision_id=decision_id,
            defect_class=answer.defect_class,
            undo_seconds=undo_seconds,
        )
        seconds_left = undo_seconds_left(decision, timestamps.now())
    return SubmittedAnswer(
        id=row.id,
        name=row.image.name,
        decision_id=decision_id,
        verdict=answer.verdict,
        defect_class=answer.defect_class,
        status=DecisionStatus.UNDOABLE.value,
        undo_seconds_left=seconds_left,
    )


def is_stored(row: Inspection, decision_id: str, reviewer: str) -> bool:
    """Return True if the row has this answer: the request repeats one whose response was lost."""
    if row.second_review is not None and decision_id == row.second_review.id:
        return row.second_review.reviewer == reviewer
    return bool(decision_id and decisions.find_earlier_decision(row, decision_id, reviewer))


def undo(container: Container, inspection_id: InspectionId, decision_id: str, reviewer: str) -> Inspection:
    """Undo an answer of the reviewer. Raise Conflict if it is final or belongs to another reviewer."""
    row = get_inspection(container, inspection_id)
    if row.second_review is not None and row.second_review.id == decision_id:
        return second_review.undo(container.inspections, container.reviews, row.id, decision_id, reviewer)
    return decisions.undo(container.inspections, row.id, decision_id, reviewer)


def describe_submission(container: Container, entry: AuditEntry, undo_seconds: int) -> SubmittedAnswer:
    """Return the submission that an audit entry records. A second review is never delivered."""
    row = get_inspection(container, InspectionId(entry.inspection_id))
    status, seconds_left = DecisionStatus.APPLIED.value, 0
    if entry.action is AuditAction.SECOND_REVIEW:
        age = timestamps.seconds_between(entry.at, timestamps.now())
        seconds_left = max(0, round(undo_seconds - age))
        status = DecisionStatus.UNDOABLE.value if seconds_left else status
    elif row.decision is not None and row.decision.id == entry.decision_id:
        status = decision_status(row)
        seconds_left = undo_seconds_left(row.decision, timestamps.now())
    return SubmittedAnswer(
        id=row.id,
        name=row.image.name or row.image.key,
        decision_id=entry.decision_id,
        verdict=Verdict(entry.after),
        defect_class=entry.defect_class,
        status=status,
        undo_seconds_left=seconds_left,
    )
