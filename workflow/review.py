"""Asking a person about an unclear photo, keeping the answer, and delivering it until it arrives."""

import json
import uuid
from dataclasses import replace
from typing import Any, Protocol

from workflow import moment
from workflow.errors import Conflict, NotFound
from workflow.inspection import AuditEntry, Decision, Inspection, Ledger, Review, State, owned
from workflow.intake import Executions
from workflow.verdict import Verdict

MAX_REASON = 2_000


class Tokens(Protocol):
    """Where task tokens live; only asking and delivering may read it."""

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        """Keep the newest token of an inspection; one of an earlier attempt never replaces a later one's."""

    def get(self, inspection_id: str) -> str | None:
        """The newest token that was not answered yet, or None."""

    def remove(self, inspection_id: str, token: str) -> None:
        """Forget a token that was answered or is dead, unless a newer one took its place."""


class Queue(Protocol):
    """A queue that delivers at least once, in any order."""

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Put one message on the queue."""


def ask(
    ledger: Ledger, tokens: Tokens, queue: Queue, inspection_id: str, owner: str, token: str, seconds: int
) -> None:
    """Open the review of an unclear photo for so many seconds, or answer it by the decision that stands.

    The token is kept before the row is read, and a decision is kept before it is delivered: whoever comes
    second sees the other's work, so no decision waits for a token that is there.
    """
    row = owned(ledger, inspection_id, owner)
    tokens.put(inspection_id, token, row.attempt)
    now = moment.now()
    opened = row.review or Review(opened_at=now, round=1, deadline="")
    row = ledger.record_review(row.id, owner, replace(opened, deadline=moment.later(now, seconds)))
    if row.decision is not None:
        queue.send(delivery(row.id))


def escalate(ledger: Ledger, queue: Queue, inspection_id: str, owner: str) -> dict[str, Any]:
    """Start the next round of a review that nobody took, unless a decision stands.

    Returns the `$.escalation` part of the execution's document.
    """
    row = owned(ledger, inspection_id, owner)
    if row.review is None:
        raise Conflict(f"inspection {row.id}: no review is open")
    overdue = row.review
    if overdue.deadline:  # Without one this round was counted already; only the message may be missing.
        overdue = replace(overdue, round=overdue.round + 1, deadline="", escalated=True)
    row = ledger.record_review(row.id, owner, overdue)
    if row.decision is not None or row.review is None:
        return {"decided": True}
    queue.send(_escalation(row))
    return {"decided": False, "round": row.review.round}


def decide(
    ledger: Ledger, queue: Queue, inspection_id: str, verdict: Verdict, reviewer: str, reason: str = ""
) -> Decision:
    """Keep a person's decision for good, then ask for its delivery.

    Raises NotFound or Conflict, saying who decided, when the photo does not wait for a decision.
    """
    if verdict not in (Verdict.OK, Verdict.DEFECT):
        raise ValueError(f"a person decides ok or defect, not {verdict!r}")
    if len(reason) > MAX_REASON:
        raise ValueError(f"a reason has at most {MAX_REASON:,} characters, not {len(reason):,}")
    row = ledger.get(inspection_id)
    if row is None:
        raise NotFound(f"inspection {inspection_id}: the ledger has no row")
    _check_open(row)
    decision = Decision(str(uuid.uuid4()), verdict, reviewer, moment.now(), reason)
    entry = AuditEntry(
        row.id, decision.decided_at, reviewer, "decide", Verdict.UNCLEAR, verdict, reason, decision.id
    )
    try:
        ledger.decide(row.id, decision, entry)
    except Conflict:
        _check_open(ledger.get(row.id) or row)
        raise
    queue.send(delivery(row.id))
    return decision


def _check_open(row: Inspection) -> None:
    if row.decision is not None:
        by, at = row.decision.reviewer, row.decision.decided_at
        raise Conflict(f"{row.image.key}: {by} decided {row.decision.verdict} at {at} already")
    if row.state is not State.WAITING:
        raise Conflict(f"{row.image.key}: it does not wait for a decision (it is {row.state})")


def deliver(ledger: Ledger, tokens: Tokens, executions: Executions, inspection_id: str) -> str:
    """Answer the newest token with the decision that stands; return what happened, in a few words.

    Level-triggered: it looks at the row and the token, not at the message that woke it, so that late,
    doubled and reordered messages do no harm.
    """
    row = ledger.get(inspection_id)
    if row is None or row.decision is None:
        return "nothing to deliver"
    for _ in range(2):
        token = tokens.get(inspection_id)
        if token is None:
            return "no token waits"
        output = {"decision_id": row.decision.id, "verdict": row.decision.verdict.value}
        accepted = executions.succeed(token, output)
        tokens.remove(inspection_id, token)
        if accepted:
            return "delivered"
    return "the execution no longer waits"


def delivery(inspection_id: str) -> str:
    """The message that asks for the delivery of an inspection's decision; a hint, nothing more."""
    return json.dumps({"inspection_id": inspection_id})


def _escalation(row: Inspection) -> str:
    """The message that tells a supervisor that nobody took a review."""
    review = row.review
    return json.dumps(
        {
            "inspection_id": row.id,
            "image": {"bucket": row.image.bucket, "key": row.image.key, "version_id": row.image.version_id},
            "waiting_since": review.opened_at if review else "",
            "round": review.round if review else 0,
        }
    )
