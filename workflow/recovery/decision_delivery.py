"""Delivery of a decision to the execution that waits for it, or to a new one if that execution ended."""

from enum import StrEnum

from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import DecisionRepository
from workflow.inspections.undo_window import finalize, undo_seconds_left
from workflow.pipeline import start
from workflow.pipeline.executions import ACTIVE_STATUSES, Executions, TaskTokenStore
from workflow.recovery.redrive import RedrivableExecutions
from workflow.review import decisions
from workflow.review.decisions import MessageQueue


class DeliveryOutcome(StrEnum):
    """The outcome of a delivery."""

    NOTHING = "nothing to deliver"
    UNDO_WINDOW_OPEN = "it can still be undone"
    UNDONE = "it was undone"
    DELIVERED = "delivered"
    ALREADY_APPLIED = "applied already"
    IN_PROGRESS = "the execution continues by itself"
    REDRIVEN = "the execution was redriven and asks again"
    BACKING_OFF = "it waits before the next attempt"
    RESTARTED = "the next attempt begins with it"
    LEFT_TO_PERSON = "left to a person: too many attempts failed"


def deliver(
    inspections: DecisionRepository,
    tokens: TaskTokenStore,
    executions: RedrivableExecutions,
    queue: MessageQueue,
    inspection_id: InspectionId,
) -> DeliveryOutcome:
    """Advance an inspection by the decision that stands, or by the revision that began.

    Level-triggered: it reads the row and the tokens, not the message that triggered it, so that late,
    repeated and reordered messages do no harm. A decision in its undo window is delivered later.
    """
    row = inspections.get(inspection_id)
    if row is None or (row.decision is None and row.state is not InspectionState.INSPECTING):
        return DeliveryOutcome.NOTHING
    if row.settled:
        return DeliveryOutcome.ALREADY_APPLIED
    if row.decision is None:
        return _resume(inspections, executions, row)
    now = timestamps.now()
    if seconds := undo_seconds_left(row.decision, now):
        queue.send(decisions.delivery_message(row.id), seconds)
        return DeliveryOutcome.UNDO_WINDOW_OPEN
    if not finalize(inspections, row, now):
        return DeliveryOutcome.UNDONE
    if _send_decision(inspections, tokens, executions, row):
        return DeliveryOutcome.DELIVERED
    return _resume(inspections, executions, inspections.get(row.id) or row)


def _send_decision(
    inspections: DecisionRepository, tokens: TaskTokenStore, executions: Executions, row: Inspection
) -> bool:
    """Answer the first token that is alive. Return False if there is none."""
    if row.decision is None:
        return False
    output = {"decision_id": row.decision.id, "verdict": row.decision.verdict.value}
    for token in tokens.list_tokens(row.id):
        accepted = executions.complete_task(token, output)
        if accepted:
            inspections.record_delivery(row.id, row.decision.id, timestamps.now())
        tokens.remove(row.id, token)
        if accepted:
            return True
    return False


def _resume(
    inspections: DecisionRepository, executions: RedrivableExecutions, row: Inspection
) -> DeliveryOutcome:
    """Make sure that an execution continues; it uses the decision that stands without asking again."""
    if row.settled:
        return DeliveryOutcome.ALREADY_APPLIED
    status = executions.get_status(row.owner)
    if status in ACTIVE_STATUSES:
        # It received the decision already, or its token expired and it looks for the decision by itself.
        return DeliveryOutcome.IN_PROGRESS
    if not start.backoff_elapsed(row):
        return DeliveryOutcome.BACKING_OFF
    if status and row.revision_attempts == 1 and not executions.redrive(row.owner):
        # A redrive counts as an attempt: if it fails, a new attempt begins after the backoff.
        inspections.transfer_ownership(row, row.owner, row.attempt + 1, timestamps.now())
        return DeliveryOutcome.REDRIVEN
    restarted = start.restart_inspection(inspections, executions, row)
    return DeliveryOutcome.RESTARTED if restarted else DeliveryOutcome.LEFT_TO_PERSON
