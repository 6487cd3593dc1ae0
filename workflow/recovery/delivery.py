"""Bringing a decision to the execution that waits for it, whatever became of either meanwhile."""

from enum import StrEnum

from workflow import timestamps
from workflow.inspections.inspection import Inspection, Ledger, State
from workflow.inspections.undo_window import held_for, seal
from workflow.pipeline import intake
from workflow.pipeline.intake import ALIVE, Executions
from workflow.recovery.redrive import Redrivable
from workflow.review import decisions
from workflow.review.decisions import Queue, Tokens


class Arrival(StrEnum):
    """What a delivery came to."""

    NOTHING = "nothing to deliver"
    HELD = "it can still be taken back"
    UNDONE = "it was taken back"
    SENT = "delivered"
    APPLIED = "applied already"
    ON_ITS_WAY = "the execution goes on by itself"
    REDRIVEN = "the execution was redriven and asks again"
    RESTING = "it rests before the next attempt"
    RESTARTED = "the next attempt begins with it"
    LEFT = "left to a person: too many attempts failed"


def deliver(
    ledger: Ledger, tokens: Tokens, executions: Redrivable, queue: Queue, inspection_id: str
) -> Arrival:
    """Bring an inspection on by the decision that stands, or by the revision that began.

    Level-triggered: it looks at the row and the token, not at the message that woke it, so that late,
    doubled and reordered messages do no harm. A decision that can still be taken back is looked at later.
    """
    row = ledger.get(inspection_id)
    if row is None or (row.decision is None and row.state is not State.INSPECTING):
        return Arrival.NOTHING
    if row.settled:
        return Arrival.APPLIED
    if row.decision is None:
        return _wake(ledger, executions, row)
    now = timestamps.now()
    if seconds := held_for(row.decision, now):
        queue.send(decisions.delivery(row.id), seconds)
        return Arrival.HELD
    if not seal(ledger, row, now):
        return Arrival.UNDONE
    if _told(ledger, tokens, executions, row):
        return Arrival.SENT
    return _wake(ledger, executions, ledger.get(row.id) or row)


def _told(ledger: Ledger, tokens: Tokens, executions: Executions, row: Inspection) -> bool:
    """Answer whichever token is alive; False when none is."""
    if row.decision is None:
        return False
    output = {"decision_id": row.decision.id, "verdict": row.decision.verdict.value}
    for token in tokens.of(row.id):
        accepted = executions.succeed(token, output)
        if accepted:
            ledger.record_sent(row.id, row.decision.id, timestamps.now())
        tokens.remove(row.id, token)
        if accepted:
            return True
    return False


def _wake(ledger: Ledger, executions: Redrivable, row: Inspection) -> Arrival:
    """See that an execution goes on: any of them uses the decision that stands without asking again."""
    if row.settled:
        return Arrival.APPLIED
    status = executions.status(row.owner)
    if status in ALIVE:
        # It was told already; or its token expired, and then it looks for the decision by itself.
        return Arrival.ON_ITS_WAY
    if not intake.rested(row):
        return Arrival.RESTING
    if status and row.tries == 1 and not executions.redrive(row.owner):
        # It counts as an attempt: what fails again rests, and is begun anew the next time.
        ledger.hand_over(row, row.owner, row.attempt + 1, timestamps.now())
        return Arrival.REDRIVEN
    return Arrival.RESTARTED if intake.restart(ledger, executions, row) else Arrival.LEFT
