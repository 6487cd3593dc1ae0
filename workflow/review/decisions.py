"""Asking a person about an unclear photo, and keeping or taking back the answer."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    Inspection,
    Lease,
    Ledger,
    Review,
    State,
    known,
    owned,
)
from workflow.inspections.undo_window import held_for, seal
from workflow.inspections.verdict import Verdict
from workflow.review.queue import LEASE_SECONDS, rank

MAX_REASON = 2_000
MAX_DEFECT_CLASS = 64
UNDO_SECONDS = 8
MAX_UNDO_SECONDS = 60
TOO_LATE = "too late to take the decision back; correct the verdict once it is filed"


class Tokens(Protocol):
    """Where task tokens live; only asking and delivering may read it."""

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        """Keep a token beside the others of its attempt, for nobody can tell which call was the last.

        A later attempt's token replaces those of earlier ones, and never the other way round.
        """

    def of(self, inspection_id: str) -> list[str]:
        """The tokens of an inspection's newest attempt that are not known to be dead, newest first."""

    def remove(self, inspection_id: str, token: str) -> None:
        """Forget a token that was answered or is dead."""


class Queue(Protocol):
    """A queue that delivers at least once, in any order."""

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Put one message on the queue."""


def ask(
    ledger: Ledger, tokens: Tokens, queue: Queue, inspection_id: str, owner: str, token: str, seconds: int
) -> None:
    """Open the review of an unclear photo for so many seconds, or answer it by the decision that stands.

    The token is kept before the row is read, and a decision is kept before it is delivered: whoever comes
    second sees the other's work, so no decision waits for a token that is there. A decision that can still
    be taken back is delivered when it cannot any more.
    """
    row = owned(ledger, inspection_id, owner)
    tokens.put(inspection_id, token, row.attempt)
    now = timestamps.now()
    opened = row.review or Review(opened_at=now, round=1, deadline="")
    opened = replace(opened, deadline=timestamps.later(now, seconds))
    row = ledger.record_review(row.id, owner, opened, _rank(row, opened))
    if row.decision is not None:
        queue.send(delivery(row.id), held_for(row.decision, timestamps.now()))


def escalate(ledger: Ledger, queue: Queue, inspection_id: str, owner: str) -> dict[str, Any]:
    """Start the next round of a review that nobody took, unless a decision stands.

    A decision that can still be taken back is neither used nor overruled: the question is put again, and
    the decision answers it when it is due. Returns the `$.escalation` part of the execution's document.
    """
    row = owned(ledger, inspection_id, owner)
    if row.review is None:
        raise Conflict(f"inspection {row.id}: no review is open")
    overdue = row.review
    if overdue.deadline:  # Without one this round was counted already; only the message may be missing.
        overdue = replace(overdue, round=overdue.round + 1, deadline="", escalated=True)
    row = ledger.record_review(row.id, owner, overdue, _rank(row, overdue))
    if row.decision is not None:
        if seal(ledger, row, timestamps.now()):
            return {"decided": True}
        return {"decided": False, "round": (row.review or overdue).round}
    queue.send(_escalation(row, overdue))
    return {"decided": False, "round": overdue.round}


def decide(
    ledger: Ledger,
    queue: Queue,
    inspection_id: str,
    verdict: Verdict,
    reviewer: str,
    reason: str = "",
    *,
    decision_id: str = "",
    defect_class: str = "",
    undo_seconds: int = 0,
) -> Decision:
    """Keep a person's decision, then ask for its delivery when it cannot be taken back any more.

    The same id again gets the same answer. Raises NotFound or Conflict, saying who decided or who has the
    photo, when it does not wait for this reviewer's decision.
    """
    check_answer(verdict, reason, defect_class)
    row = known(ledger, inspection_id)
    decision_id = decision_id or str(uuid.uuid4())
    if made := decided_before(row, decision_id, reviewer):
        queue.send(delivery(row.id), held_for(made, timestamps.now()))
        return made
    now = timestamps.now()
    decision = Decision(
        decision_id, verdict, reviewer, now, reason, defect_class, timestamps.later(now, undo_seconds)
    )
    entry = AuditEntry(
        row.id, now, reviewer, "decide", Verdict.UNCLEAR, verdict, reason, decision_id, defect_class
    )
    try:
        _check_open(row, decision)
        ledger.decide(row.id, decision, entry)
    except Conflict:
        row = known(ledger, row.id)
        if made := decided_before(row, decision_id, reviewer):
            return made
        if row.decision is not None and decision_id not in row.undone:
            ledger.note(replace(entry, action="conflict", before=row.decision.verdict))
        _check_open(row, decision)
        raise
    queue.send(delivery(row.id), held_for(decision, now))
    return decision


def undo(ledger: Ledger, inspection_id: str, decision_id: str, reviewer: str) -> Inspection:
    """Take back an own decision that nobody acted on yet; the photo is open again, leased to its reviewer.

    The same again gets the same answer. Raises Conflict when it is too late or not this reviewer's.
    """
    row = known(ledger, inspection_id)
    if decision_id in row.undone:
        return row
    made = row.decision
    if made is None or made.id != decision_id or made.reviewer != reviewer:
        raise Conflict(f"{row.image.key}: there is no such decision of {reviewer} to take back")
    if made.sealed:
        raise Conflict(f"{row.image.key}: {TOO_LATE}")
    now = timestamps.now()
    lease = Lease(reviewer, timestamps.later(now, LEASE_SECONDS))
    entry = AuditEntry(row.id, now, reviewer, "undo", made.verdict, Verdict.UNCLEAR, "", made.id)
    rank = _rank(row, row.review or Review(made.decided_at, 1, ""))
    with suppress(Conflict):  # Sealed, or taken back by the same wish: the row tells.
        ledger.undo(row, lease, rank, entry)
    row = known(ledger, row.id)
    if decision_id not in row.undone:
        raise Conflict(f"{row.image.key}: {TOO_LATE}")
    return row


def check_answer(verdict: Verdict, reason: str, defect_class: str) -> None:
    """Raise ValueError, in one sentence for the person, if no message could carry this answer."""
    if verdict not in (Verdict.OK, Verdict.DEFECT):
        raise ValueError(f"a person decides ok or defect, not {verdict!r}")
    if len(reason) > MAX_REASON:
        raise ValueError(f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}")
    if defect_class and verdict is not Verdict.DEFECT:
        raise ValueError(f"only a defect has a class, and this is {verdict}")
    if len(defect_class) > MAX_DEFECT_CLASS or not defect_class.isprintable():
        raise ValueError(f"a defect class has at most {MAX_DEFECT_CLASS} printable characters")


def decided_before(row: Inspection, decision_id: str, reviewer: str) -> Decision | None:
    """What this reviewer's decision of that id was, if it stands or stood; Conflict if it is another's."""
    stood = (row.decision, *(outcome.decision for outcome in row.earlier))
    for made in stood:
        if made is not None and made.id == decision_id:
            if made.reviewer != reviewer:
                raise Conflict(f"{row.image.key}: this decision is {made.reviewer}'s")
            return made
    return None


def _check_open(row: Inspection, wish: Decision) -> None:
    """Raise the Conflict that keeps a decision from being stored, if one does."""
    if wish.id in row.undone:
        raise Conflict(f"{row.image.key}: this decision was taken back")
    if row.decision is not None:
        by, at = row.decision.reviewer, row.decision.decided_at
        raise Conflict(f"{row.image.key}: {by} decided {row.decision.verdict} at {at} already")
    if row.state is not State.WAITING:
        raise Conflict(f"{row.image.key}: it does not wait for a decision (it is {row.state})")
    if row.hold is not None:
        raise Conflict(f"{row.image.key}: {row.hold.by} holds it back ({row.hold.reason})")
    if row.lease is not None and row.lease.reviewer != wish.reviewer and row.lease.until > wish.decided_at:
        raise Conflict(f"{row.image.key}: {row.lease.reviewer} looks at it")


def delivery(inspection_id: str) -> str:
    """The message that asks for the delivery of an inspection's decision; a hint, nothing more."""
    return json.dumps({"inspection_id": inspection_id})


def _rank(row: Inspection, asked: Review) -> str:
    return rank(row.prediction, asked.opened_at, asked.escalated)


def _escalation(row: Inspection, asked: Review) -> str:
    """The message that tells a supervisor that nobody took a review."""
    image = {"bucket": row.image.bucket, "key": row.image.key, "version_id": row.image.version_id}
    told = {"image": image, "waiting_since": asked.opened_at, "round": asked.round}
    return json.dumps({"inspection_id": row.id, **told})
