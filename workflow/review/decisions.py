"""Reviews of unclear photos: opening, escalating, deciding, and undoing a decision."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import NotRequired, Protocol, TypedDict

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    ExecutionName,
    Inspection,
    InspectionState,
    Lease,
    Review,
    SecondReview,
)
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import (
    DecisionRepository,
    InspectionDatabase,
    get_or_raise,
    require_owner,
)
from workflow.inspections.undo_window import finalize, undo_seconds_left
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import TaskToken, TaskTokenStore
from workflow.review.queue import LEASE_SECONDS, compute_priority

MAX_REASON_LENGTH = 2_000
MAX_DEFECT_CLASS_LENGTH = 64
TOO_LATE = "too late to undo the decision: override the verdict once it is filed"


class EscalationDocument(TypedDict):
    """The part `$.escalation` of the execution's document. `round` is the review's, while it is undecided."""

    decided: bool
    round: NotRequired[int]


class MessageQueue(Protocol):
    """A queue that delivers at least once, in any order."""

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Put one message on the queue."""


def open_review(
    inspections: DecisionRepository,
    tokens: TaskTokenStore,
    queue: MessageQueue,
    inspection_id: InspectionId,
    owner: ExecutionName,
    token: TaskToken,
    seconds: int,
) -> None:
    """Open the review of an unclear photo for `seconds`, or answer it by the decision that stands.

    The token is stored before the row is read, and a decision is stored before it is delivered. The second of
    the two sees the work of the first, so no decision waits for a token that is there. A decision in its undo
    window is delivered when the window ends.
    """
    row = require_owner(inspections, inspection_id, owner)
    tokens.put(inspection_id, token, row.attempt)
    now = timestamps.now()
    review = row.review or Review(opened_at=now, round=1, deadline="")
    review = replace(review, deadline=timestamps.add_seconds(now, seconds))
    row = inspections.record_review(row.id, owner, review, _priority(row, review))
    if row.decision is not None:
        queue.send(delivery_message(row.id), undo_seconds_left(row.decision, timestamps.now()))


def escalate(
    inspections: DecisionRepository, queue: MessageQueue, inspection_id: InspectionId, owner: ExecutionName
) -> EscalationDocument:
    """Start the next round of an unanswered review, unless a decision stands.

    A decision in its undo window is neither used nor overruled. The review is opened again, and the decision
    answers it when the window ends.
    """
    row = require_owner(inspections, inspection_id, owner)
    if row.review is None:
        raise Conflict(f"inspection {row.id}: no review is open")
    review = row.review
    if review.deadline:  # Without a deadline this round was counted already; only the message may be missing.
        review = replace(review, round=review.round + 1, deadline="", escalated=True)
    row = inspections.record_review(row.id, owner, review, _priority(row, review))
    if row.decision is not None:
        if finalize(inspections, row, timestamps.now()):
            return {"decided": True}
        return {"decided": False, "round": (row.review or review).round}
    queue.send(_escalation_message(row, review))
    return {"decided": False, "round": review.round}


def decide(
    inspections: InspectionDatabase,
    queue: MessageQueue,
    inspection_id: InspectionId,
    verdict: Verdict,
    reviewer: str,
    reason: str = "",
    *,
    decision_id: str = "",
    defect_class: str = "",
    undo_seconds: int = 0,
) -> Decision:
    """Store a reviewer's decision, then request its delivery at the end of its undo window.

    Idempotent by `decision_id`. Raise NotFound, or Conflict with the reviewer who decided or has the photo.
    """
    validate_answer(verdict, reason, defect_class)
    row = get_or_raise(inspections, inspection_id)
    decision_id = decision_id or str(uuid.uuid4())
    if earlier := find_earlier_decision(row, decision_id, reviewer):
        queue.send(delivery_message(row.id), undo_seconds_left(earlier, timestamps.now()))
        return earlier
    now = timestamps.now()
    decision = Decision(
        id=decision_id,
        verdict=verdict,
        reviewer=reviewer,
        decided_at=now,
        reason=reason,
        defect_class=defect_class,
        effective_at=timestamps.add_seconds(now, undo_seconds),
    )
    entry = audit_decision(row, decision, AuditAction.DECIDE, before=Verdict.UNCLEAR)
    try:
        _check_decidable(row, decision)
        inspections.record_decision(row.id, decision, entry)
    except Conflict as conflict:
        return _get_stored_decision(inspections, decision, entry, conflict)
    queue.send(delivery_message(row.id), undo_seconds_left(decision, now))
    return decision


def _get_stored_decision(
    inspections: InspectionDatabase, decision: Decision, entry: AuditEntry, conflict: Conflict
) -> Decision:
    """Return the decision if a repeated request stored it. Otherwise raise Conflict with the present reason.

    The audit trail records that another decision stands.
    """
    row = get_or_raise(inspections, InspectionId(entry.inspection_id))
    if earlier := find_earlier_decision(row, decision.id, decision.reviewer):
        return earlier
    if row.decision is not None and decision.id not in row.undone_ids:
        inspections.append_audit_entry(
            replace(entry, action=AuditAction.CONFLICT, before=row.decision.verdict)
        )
    _check_decidable(row, decision)
    raise conflict


def undo(
    inspections: DecisionRepository, inspection_id: InspectionId, decision_id: str, reviewer: str
) -> Inspection:
    """Undo a reviewer's own decision in its undo window; reopen the photo and lease it to them.

    Idempotent. Raise Conflict if it is too late, or if the decision is not this reviewer's.
    """
    row = get_or_raise(inspections, inspection_id)
    if decision_id in row.undone_ids:
        return row
    decision = row.decision
    if decision is None or decision.id != decision_id or decision.reviewer != reviewer:
        raise Conflict(f"{row.image.key}: {reviewer} has no such decision to undo")
    if decision.finalized:
        raise Conflict(f"{row.image.key}: {TOO_LATE}")
    lease, entry = build_undo(row, decision, timestamps.now(), after=Verdict.UNCLEAR)
    priority = _priority(row, row.review or Review(opened_at=decision.decided_at, round=1, deadline=""))
    with suppress(Conflict):  # The decision was finalized, or this request was repeated: read the row.
        inspections.undo_decision(row, lease, priority, entry)
    row = get_or_raise(inspections, row.id)
    if decision_id not in row.undone_ids:
        raise Conflict(f"{row.image.key}: {TOO_LATE}")
    return row


def build_undo(
    row: Inspection, answer: Decision | SecondReview, now: str, after: str = ""
) -> tuple[Lease, AuditEntry]:
    """Build the lease of the reviewer who undoes their answer, and the entry with the verdict `after`."""
    entry = AuditEntry(
        inspection_id=row.id,
        at=now,
        actor=answer.reviewer,
        action=AuditAction.UNDO,
        before=answer.verdict,
        after=after,
        decision_id=answer.id,
    )
    return Lease(answer.reviewer, timestamps.add_seconds(now, LEASE_SECONDS)), entry


def validate_answer(verdict: Verdict, reason: str, defect_class: str) -> None:
    """Raise ValueError, with one sentence for the reviewer, if no message could carry this answer."""
    if verdict not in (Verdict.OK, Verdict.DEFECT):
        raise ValueError(f"a reviewer decides ok or defect, not {verdict!r}")
    if len(reason) > MAX_REASON_LENGTH:
        raise ValueError(f"a reason has at most {MAX_REASON_LENGTH:,} characters, not {len(reason):,}")
    if defect_class and verdict is not Verdict.DEFECT:
        raise ValueError(f"only a defect has a class, and this is {verdict}")
    if len(defect_class) > MAX_DEFECT_CLASS_LENGTH or not defect_class.isprintable():
        raise ValueError(f"a defect class has at most {MAX_DEFECT_CLASS_LENGTH} printable characters")


def find_earlier_decision(row: Inspection, decision_id: str, reviewer: str) -> Decision | None:
    """Return the decision with this id, also of a previous revision. Raise Conflict if another made it."""
    for decision in (row.decision, *(revision.decision for revision in row.previous_revisions)):
        if decision is not None and decision.id == decision_id:
            if decision.reviewer != reviewer:
                raise Conflict(f"{row.image.key}: this decision was made by {decision.reviewer}")
            return decision
    return None


def audit_decision(row: Inspection, decision: Decision, action: AuditAction, before: Verdict) -> AuditEntry:
    """Return the audit entry of a decision; `before` is the verdict that it replaces."""
    return AuditEntry(
        inspection_id=row.id,
        at=decision.decided_at,
        actor=decision.reviewer,
        action=action,
        before=before,
        after=decision.verdict,
        reason=decision.reason,
        decision_id=decision.id,
        defect_class=decision.defect_class,
    )


def _check_decidable(row: Inspection, decision: Decision) -> None:
    """Raise Conflict if the row does not accept this decision."""
    if decision.id in row.undone_ids:
        raise Conflict(f"{row.image.key}: this decision was undone")
    if row.decision is not None:
        reviewer, at = row.decision.reviewer, row.decision.decided_at
        raise Conflict(f"{row.image.key}: {reviewer} decided {row.decision.verdict} at {at} already")
    if row.state is not InspectionState.WAITING:
        raise Conflict(f"{row.image.key}: it does not wait for a decision (it is {row.state})")
    if row.hold is not None:
        raise Conflict(f"{row.image.key}: on hold by {row.hold.reviewer} ({row.hold.reason})")
    lease = row.lease
    if lease is not None and lease.reviewer != decision.reviewer and lease.expires_at > decision.decided_at:
        raise Conflict(
            f"{row.image.key}: assigned to {lease.reviewer} until {lease.expires_at}; "
            "wait until then, or let them decide or skip it"
        )


def delivery_message(inspection_id: InspectionId) -> str:
    """Return the message that requests the delivery of a decision; it is only a hint to read the row."""
    return json.dumps({"inspection_id": inspection_id})


def _priority(row: Inspection, review: Review) -> str:
    return compute_priority(row.prediction, review.opened_at, review.escalated)


def _escalation_message(row: Inspection, review: Review) -> str:
    """Return the message that tells a supervisor about an unanswered review."""
    image = {"bucket": row.image.bucket, "key": row.image.key, "version_id": row.image.version_id}
    return json.dumps(
        {
            "inspection_id": row.id,
            "image": image,
            "waiting_since": review.opened_at,
            "round": review.round,
        }
    )
