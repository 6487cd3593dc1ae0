"""The blind second look: another person judges some settled photos without seeing the first answer."""

import uuid
from dataclasses import replace

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditEntry, Inspection, Lease, Ledger, SecondLook, known
from workflow.inspections.verdict import Verdict
from workflow.review import revision
from workflow.review.decisions import MAX_UNDO_SECONDS, Queue, check_answer
from workflow.review.queue import LEASE_SECONDS, Reviews

MODEL = "model"


def due(row: Inspection) -> bool:
    """Whether a settled photo waits for a second look."""
    return row.settled and row.second is None and row.prediction is not None and row.prediction.second_look


def answer(
    ledger: Ledger,
    reviews: Reviews,
    inspection_id: str,
    verdict: Verdict,
    reviewer: str,
    reason: str = "",
    *,
    answer_id: str = "",
    defect_class: str = "",
) -> SecondLook:
    """Keep a second person's answer; where it differs from the first, somebody has to adjudicate.

    The same id again gets the same answer. Raises Conflict when the photo does not wait for this person's.
    """
    check_answer(verdict, reason, defect_class)
    row = known(ledger, inspection_id)
    answer_id = answer_id or str(uuid.uuid4())
    if row.second is not None and row.second.id == answer_id and row.second.reviewer == reviewer:
        return row.second
    if answer_id in row.undone:
        raise Conflict(f"{row.image.key}: this answer was taken back")
    first_by = row.decision.reviewer if row.decision else MODEL
    if not due(row) or row.verdict is None or first_by == reviewer:
        raise Conflict(f"{row.image.key}: it does not wait for a second look by {reviewer}")
    now = timestamps.now()
    second = SecondLook(answer_id, verdict, reviewer, now, row.verdict, first_by, defect_class, reason)
    entry = AuditEntry(
        row.id, now, reviewer, "second look", row.verdict, verdict, reason, answer_id, defect_class
    )
    reviews.record_second(row, second, None, entry)
    return second


def take_back(
    ledger: Ledger, reviews: Reviews, inspection_id: str, answer_id: str, reviewer: str
) -> Inspection:
    """Take an own second look back that nobody adjudicated; the photo is leased to its reviewer again."""
    row = known(ledger, inspection_id)
    if answer_id in row.undone:
        return row
    made = row.second
    if made is None or made.id != answer_id or made.reviewer != reviewer:
        raise Conflict(f"{row.image.key}: there is no such answer of {reviewer} to take back")
    if made.adjudicated_by:
        raise Conflict(f"{row.image.key}: too late to take it back: {made.adjudicated_by} adjudicated it")
    now = timestamps.now()
    late = timestamps.seconds_between(made.at, now) > MAX_UNDO_SECONDS
    if late or not due(replace(row, second=None)):  # Its verdict may be another one by now.
        raise Conflict(f"{row.image.key}: too late to take it back")
    lease = Lease(reviewer, timestamps.later(now, LEASE_SECONDS))
    reviews.record_second(
        row, None, lease, AuditEntry(row.id, now, reviewer, "undo", made.verdict, "", "", made.id)
    )
    return known(ledger, inspection_id)


def adjudicate(
    ledger: Ledger,
    reviews: Reviews,
    queue: Queue,
    inspection_id: str,
    verdict: Verdict,
    who: str,
    reason: str,
    *,
    decision_id: str = "",
    defect_class: str = "",
) -> Inspection:
    """End a dispute: the first answer is confirmed, or the verdict is corrected."""
    check_answer(verdict, reason, defect_class)
    row = known(ledger, inspection_id)
    if row.second is None or row.second.agrees or row.second.final:
        raise Conflict(f"{row.image.key}: nothing about it is disputed")
    if verdict is not row.verdict:
        return revision.correct(
            ledger, queue, row.id, verdict, who, reason, decision_id=decision_id, defect_class=defect_class
        )
    now = timestamps.now()
    final = replace(row.second, adjudicated_by=who, adjudicated_at=now, final=verdict)
    entry = AuditEntry(row.id, now, who, "confirm", verdict, verdict, reason, row.second.id)
    reviews.record_second(row, final, None, entry)
    return replace(row, second=final)
