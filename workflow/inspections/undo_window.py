"""How long a decision can be taken back, what makes it irrevocable, and how far it got."""

import math
from dataclasses import dataclass
from enum import StrEnum

from workflow import timestamps
from workflow.inspections.inspection import Decision, Inspection, Ledger


class Stage(StrEnum):
    """How far a decision got, as people see it."""

    HELD = "held"
    RELEASED = "released"
    SENT = "sent"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a decision got, and when it got there; for a held one, until when it is held."""

    stage: Stage
    at: str


def held_for(decision: Decision, now: str) -> int:
    """For how many whole seconds a decision can still be taken back."""
    if decision.sealed or not decision.release_at:
        return 0
    return max(0, math.ceil(timestamps.seconds_between(now, decision.release_at)))


def seal(ledger: Ledger, row: Inspection, now: str) -> bool:
    """Make the decision of a row irrevocable; False as long as it may be taken back, and when it was.

    Whoever acts on a decision seals it first: a conditional write, and no clock, tells whether it was still
    there to be acted on.
    """
    made = row.decision
    if made is None or held_for(made, now):
        return False
    return made.sealed or ledger.seal(row.id, made.id)


def progress(row: Inspection) -> Progress | None:
    """How far the decision of a row got; None if it has none."""
    made = row.decision
    if made is None:
        return None
    if row.settled:
        return Progress(Stage.APPLIED, row.settled_at)
    if made.sent_at:
        return Progress(Stage.SENT, made.sent_at)
    return Progress(Stage.RELEASED if made.sealed else Stage.HELD, made.release_at or made.decided_at)
