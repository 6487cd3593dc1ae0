"""Revising a verdict that was announced: a person corrects it, or the model judges the photo anew."""

import uuid
from dataclasses import replace
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    Inspection,
    Ledger,
    Outcome,
    SecondLook,
    State,
    known,
)
from workflow.inspections.verdict import Verdict
from workflow.pipeline.intake import execution_name
from workflow.review.decisions import Queue, check_answer, decided_before, delivery

MAX_REVISIONS = 10


def correct(
    ledger: Ledger,
    queue: Queue,
    inspection_id: str,
    verdict: Verdict,
    who: str,
    reason: str,
    *,
    decision_id: str = "",
    defect_class: str = "",
) -> Inspection:
    """Overrule a settled verdict, with a reason; the photo is moved and the correction announced.

    It holds as soon as this returns, and cannot be taken back; correct it again instead. The same id again
    gets the same answer. A dispute about the photo ends with it.
    """
    check_answer(verdict, reason, defect_class)
    row = known(ledger, inspection_id)
    made = Decision(
        decision_id or str(uuid.uuid4()), verdict, who, timestamps.now(), reason, defect_class, sealed=True
    )
    if decided_before(row, made.id, who):
        queue.send(delivery(row.id))
        return row
    _check(row, reason)
    if row.verdict not in (Verdict.OK, Verdict.DEFECT):
        raise Conflict(f"{row.image.key}: a file that was {row.verdict} can only be inspected again")
    if row.verdict is verdict:
        raise Conflict(f"{row.image.key}: its verdict is {verdict} already")
    entry = AuditEntry(
        row.id, made.decided_at, who, "correct", row.verdict, verdict, reason, made.id, defect_class
    )
    seen = replace(row.prediction, second_look=False) if row.prediction else None
    return _begin(ledger, queue, row, entry, decision=made, prediction=seen, second=_ended(row.second, made))


def inspect_again(
    ledger: Ledger,
    queue: Queue,
    inspection_id: str,
    who: str,
    reason: str,
    *,
    command_id: str = "",
    decided_too: bool = True,
) -> Inspection:
    """Let the model judge a photo anew, or the check a rejected file; the old verdict stays on record.

    The same command again changes nothing more. Who asks for many at once does not mean those that a person
    decided: Conflict unless `decided_too`.
    """
    check_answer(Verdict.OK, reason, "")
    row = known(ledger, inspection_id)
    command_id = command_id or str(uuid.uuid4())
    if any(entry.decision_id == command_id for entry in ledger.audit_trail(row.id)):
        queue.send(delivery(row.id))
        return row
    _check(row, reason)
    if row.decision and not decided_too:
        raise Conflict(f"{row.image.key}: {row.decision.reviewer} decided it; name it to inspect it again")
    entry = AuditEntry(
        row.id, timestamps.now(), who, "inspect again", row.verdict or "", "", reason, command_id
    )
    return _begin(
        ledger, queue, row, entry, decision=None, prediction=None, rejection={}, review=None, second=None
    )


def _ended(second: SecondLook | None, made: Decision) -> SecondLook | None:
    if second is None or second.agrees or second.final:
        return second
    return replace(second, adjudicated_by=made.reviewer, adjudicated_at=made.decided_at, final=made.verdict)


def _check(row: Inspection, reason: str) -> None:
    if not reason.strip():
        raise ValueError("a verdict that was announced is revised for a reason: say which")
    if row.state is not State.CLOSED:
        raise Conflict(f"{row.image.key}: its verdict is not announced yet (it is {row.state})")
    if row.withdrawn:
        raise Conflict(f"{row.image.key}: it was deleted before anybody judged it")
    if row.revision >= MAX_REVISIONS:
        raise Conflict(f"{row.image.key}: it was revised {row.revision - 1} times, which has to be enough")


def _begin(ledger: Ledger, queue: Queue, row: Inspection, entry: AuditEntry, **changes: Any) -> Inspection:
    """Make the row its next revision, then ask for its execution; reconcile starts it if that gets lost."""
    attempt = row.attempt + 1
    after = replace(
        row,
        owner=execution_name(row.id, attempt),
        attempt=attempt,
        first_attempt=attempt,
        attempted_at=entry.at,
        state=State.INSPECTING,
        revision=row.revision + 1,
        earlier=(*row.earlier, _outcome(row)),
        announcement="",
        settled_at="",
        closed_at="",
        lease=None,
        **changes,
    )
    try:
        ledger.revise(row, after, entry)
    except Conflict:
        if not any(one.decision_id == entry.decision_id for one in ledger.audit_trail(row.id)):
            raise Conflict(f"{row.image.key}: somebody revised its verdict at the same time") from None
    queue.send(delivery(row.id))
    return known(ledger, row.id)


def _outcome(row: Inspection) -> Outcome:
    if row.verdict is None:
        raise Conflict(f"{row.image.key}: it has no verdict")
    return Outcome(
        row.revision, row.verdict, row.settled_at, row.owner, row.prediction, row.decision, row.rejection
    )
