"""The undo window: how long a decision can be undone, when it becomes final, and how far it got."""

import math
from dataclasses import dataclass
from enum import StrEnum

from workflow import timestamps
from workflow.inspections.inspection import Decision, Inspection
from workflow.inspections.repository import DecisionRepository

UNDO_SECONDS = 8  # Unless the setting of the review app says otherwise.
MAX_UNDO_SECONDS = 60


class DecisionStatus(StrEnum):
    """The status of a decision, as people see it."""

    UNDOABLE = "undoable"
    FINAL = "final"
    DELIVERED = "delivered"
    APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class DecisionProgress:
    """The status of a decision and when it was reached; for an undoable one, when the undo window ends."""

    status: DecisionStatus
    at: str


def undo_seconds_left(decision: Decision, now: str) -> int:
    """Return for how many whole seconds a decision can still be undone."""
    if decision.finalized or not decision.effective_at:
        return 0
    return max(0, math.ceil(timestamps.seconds_between(now, decision.effective_at)))


def finalize(inspections: DecisionRepository, row: Inspection, now: str) -> bool:
    """Make the decision of a row final. Return False while it can be undone, and if it was undone.

    Code that acts on a decision makes it final first: a conditional write, and not a clock, decides whether
    the decision still exists.
    """
    decision = row.decision
    if decision is None or undo_seconds_left(decision, now):
        return False
    return decision.finalized or inspections.finalize(row.id, decision.id)


def decision_progress(row: Inspection) -> DecisionProgress | None:
    """Return the progress of a row's decision, or None if it has none."""
    decision = row.decision
    if decision is None:
        return None
    if row.settled:
        return DecisionProgress(DecisionStatus.APPLIED, row.settled_at)
    if decision.delivered_at:
        return DecisionProgress(DecisionStatus.DELIVERED, decision.delivered_at)
    status = DecisionStatus.FINAL if decision.finalized else DecisionStatus.UNDOABLE
    return DecisionProgress(status, decision.effective_at or decision.decided_at)
