"""Redrive of failed inspections: from the failed state if Step Functions can, else as a new attempt."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workflow.inspections.inspection import UNJUDGED_STATES, Inspection, InspectionState
from workflow.inspections.objects import Image, InspectionId
from workflow.inspections.repository import InspectionDatabase, get_or_raise
from workflow.pipeline.executions import ACTIVE_STATUSES, Executions
from workflow.recovery import consistency
from workflow.recovery.reconcile import Reconciler


class RedrivableExecutions(Executions, Protocol):
    """Executions of which a failed one can continue from its failed state."""

    def redrive(self, name: str) -> str:
        """Continue a failed execution; return the reason if that is impossible, else an empty text."""


class RedriveOutcome(StrEnum):
    """The outcome of a request to redrive an inspection."""

    REDRIVEN = "redriven"
    RESTARTED = "restarted"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveResult:
    """The result for one inspection; `execution` is the execution that owns it now."""

    inspection_id: InspectionId
    image: Image
    execution: str
    outcome: RedriveOutcome
    reason: str


def find_failed(inspections: InspectionDatabase, executions: Executions) -> list[Inspection]:
    """Find open inspections whose execution ended or is forgotten; those that wait for a review come last."""
    states = (*UNJUDGED_STATES, InspectionState.WAITING)
    rows = [row for state in states for row in inspections.list_by_state(state)]
    issues = consistency.find_orphaned(inspections, executions, rows)
    return [issue.row for issue in issues if issue.row is not None]


def redrive(
    reconciler: Reconciler, executions: RedrivableExecutions, inspection_id: InspectionId
) -> RedriveResult:
    """Redrive one inspection, regardless of the number of its failed attempts.

    The row's own execution continues from its failed state. If that is impossible (after 14 days, or with an
    engine that cannot), the row is handed to the next attempt, which repeats only what is safe to repeat.
    """
    row = get_or_raise(reconciler.inspections, inspection_id)
    if row.state is InspectionState.CLOSED:
        return _result(row, RedriveOutcome.NOT_NEEDED, f"it was closed at {row.closed_at}")
    status = executions.get_status(row.owner)
    if status in ACTIVE_STATUSES:
        return _result(row, RedriveOutcome.NOT_NEEDED, "it is running")
    refusal = executions.redrive(row.owner) if status else "the execution is forgotten"
    if not refusal:
        return _result(row, RedriveOutcome.REDRIVEN, f"it continues where it {_describe_end(status)}")
    reconciler.restart(row, limit=row.revision_attempts + 1)
    return _result(reconciler.inspections.get(row.id) or row, RedriveOutcome.RESTARTED, refusal)


def redrive_all(
    reconciler: Reconciler,
    executions: RedrivableExecutions,
    inspection_ids: Iterable[InspectionId],
    per_second: float,
    sleep: Callable[[float], None],
) -> Iterator[RedriveResult]:
    """Redrive inspections one after the other, at most `per_second`."""
    for number, inspection_id in enumerate(inspection_ids):
        if number:
            sleep(1 / per_second)
        yield redrive(reconciler, executions, inspection_id)


def _describe_end(status: str | None) -> str:
    return {"TIMED_OUT": "timed out", "ABORTED": "was stopped"}.get(status or "", "failed")


def _result(row: Inspection, outcome: RedriveOutcome, reason: str) -> RedriveResult:
    return RedriveResult(
        inspection_id=row.id, image=row.image, execution=row.owner, outcome=outcome, reason=reason
    )
