"""Revisions of an announced verdict: a reviewer overrides it, or the photo is reinspected."""

import uuid
from dataclasses import replace
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import (
    AuditAction,
    AuditEntry,
    Decision,
    Inspection,
    InspectionState,
    PreviousRevision,
    SecondReview,
)
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import AuditLog, InspectionDatabase, get_or_raise
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import execution_name
from workflow.review.decisions import (
    MessageQueue,
    audit_decision,
    delivery_message,
    find_earlier_decision,
    validate_answer,
)

MAX_REVISIONS = 10


def override(
    inspections: InspectionDatabase,
    queue: MessageQueue,
    inspection_id: InspectionId,
    verdict: Verdict,
    reviewer: str,
    reason: str,
    *,
    decision_id: str = "",
    defect_class: str = "",
) -> Inspection:
    """Override a settled verdict, with a reason; the photo is then moved and the new verdict announced.

    The decision is final when this returns and has no undo window: to change it, override again. A dispute
    about the photo ends with it. Idempotent: the same `decision_id` changes nothing more.
    """
    validate_answer(verdict, reason, defect_class)
    row = get_or_raise(inspections, inspection_id)
    decision = Decision(
        id=decision_id or str(uuid.uuid4()),
        verdict=verdict,
        reviewer=reviewer,
        decided_at=timestamps.now(),
        reason=reason,
        defect_class=defect_class,
        finalized=True,
    )
    if find_earlier_decision(row, decision.id, reviewer):
        queue.send(delivery_message(row.id))
        return row
    _check_revisable(row, reason)
    if row.verdict not in (Verdict.OK, Verdict.DEFECT):
        raise Conflict(f"{row.image.key}: a file with the verdict {row.verdict} can only be reinspected")
    if row.verdict is verdict:
        raise Conflict(f"{row.image.key}: its verdict is {verdict} already")
    prediction = replace(row.prediction, sampled_for_second_review=False) if row.prediction else None
    return _begin_revision(
        inspections,
        queue,
        row,
        audit_decision(row, decision, AuditAction.OVERRIDE, before=row.verdict),
        decision=decision,
        prediction=prediction,
        second_review=_adjudicate(row.second_review, decision),
    )


def reinspect(
    inspections: InspectionDatabase,
    queue: MessageQueue,
    inspection_id: InspectionId,
    actor: str,
    reason: str,
    *,
    command_id: str = "",
    include_decided: bool = True,
) -> Inspection:
    """Let the model judge a photo again, or validate a rejected file again; the old verdict stays recorded.

    Idempotent: the same `command_id` changes nothing more. Without `include_decided`, raise Conflict for a
    photo that a reviewer decided: a request for many photos leaves those out.
    """
    validate_answer(Verdict.OK, reason, "")
    row = get_or_raise(inspections, inspection_id)
    command_id = command_id or str(uuid.uuid4())
    if _is_recorded(inspections, row, command_id):
        queue.send(delivery_message(row.id))
        return row
    _check_revisable(row, reason)
    if row.decision and not include_decided:
        raise Conflict(
            f"{row.image.key}: {row.decision.reviewer} decided it; reinspect it by its own name or id"
        )
    entry = AuditEntry(
        inspection_id=row.id,
        at=timestamps.now(),
        actor=actor,
        action=AuditAction.REINSPECT,
        before=row.verdict or "",
        reason=reason,
        decision_id=command_id,
    )
    return _begin_revision(
        inspections,
        queue,
        row,
        entry,
        decision=None,
        prediction=None,
        rejection={},
        review=None,
        second_review=None,
    )


def _adjudicate(second: SecondReview | None, decision: Decision) -> SecondReview | None:
    """Return the second review with its dispute, if there is one, ended by this decision."""
    if second is None or second.agrees or second.final_verdict:
        return second
    return replace(
        second,
        adjudicated_by=decision.reviewer,
        adjudicated_at=decision.decided_at,
        final_verdict=decision.verdict,
    )


def _check_revisable(row: Inspection, reason: str) -> None:
    """Raise ValueError without a reason, and Conflict if the verdict cannot be revised."""
    if not reason.strip():
        raise ValueError("revising an announced verdict requires a reason")
    if row.state is not InspectionState.CLOSED:
        raise Conflict(f"{row.image.key}: its verdict is not announced yet (it is {row.state})")
    if row.withdrawn:
        raise Conflict(f"{row.image.key}: it was deleted before it was judged")
    if row.revision >= MAX_REVISIONS:
        raise Conflict(f"{row.image.key}: it was revised {row.revision - 1} times, which is the maximum")


def _begin_revision(
    inspections: InspectionDatabase,
    queue: MessageQueue,
    row: Inspection,
    entry: AuditEntry,
    **changes: Any,
) -> Inspection:
    """Turn the row into its next revision, then request its execution; reconcile starts a lost one."""
    attempt = row.attempt + 1
    after = replace(
        row,
        owner=execution_name(row.id, attempt),
        attempt=attempt,
        first_attempt=attempt,
        attempted_at=entry.at,
        state=InspectionState.INSPECTING,
        revision=row.revision + 1,
        previous_revisions=(*row.previous_revisions, _previous_revision(row)),
        announcement="",
        settled_at="",
        closed_at="",
        lease=None,
        **changes,
    )
    try:
        inspections.record_revision(row, after, entry)
    except Conflict:
        if not _is_recorded(inspections, row, entry.decision_id):
            raise Conflict(f"{row.image.key}: its verdict was revised at the same time") from None
    queue.send(delivery_message(row.id))
    return get_or_raise(inspections, row.id)


def _is_recorded(inspections: AuditLog, row: Inspection, decision_id: str) -> bool:
    """Return True if the audit trail of the row has an entry with this id."""
    return any(entry.decision_id == decision_id for entry in inspections.get_audit_trail(row.id))


def _previous_revision(row: Inspection) -> PreviousRevision:
    if row.verdict is None:
        raise Conflict(f"{row.image.key}: it has no verdict")
    return PreviousRevision(
        revision=row.revision,
        verdict=row.verdict,
        settled_at=row.settled_at,
        execution=row.owner,
        prediction=row.prediction,
        decision=row.decision,
        rejection=row.rejection,
    )
