"""The actions that an engineer can take on an inspection, and why some are unavailable."""

from dataclasses import dataclass

from workflow.history.archive import ExecutionRecord
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.recovery.commands import CommandKind
from workflow.review.revision import MAX_REVISIONS

_RUNNING_STATUSES = ("RUNNING", "PENDING_REDRIVE")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionAction:
    """A command button; `unavailable_reason` is empty if the command is possible now."""

    kind: CommandKind
    label: str
    icon: str
    description: str
    unavailable_reason: str = ""


def available_actions(row: Inspection, record: ExecutionRecord | None) -> list[InspectionAction]:
    """Return the three actions on an inspection, based on its state and its execution's status."""
    is_running = record is not None and record.execution == row.owner and record.status in _RUNNING_STATUSES
    return [
        InspectionAction(
            kind=CommandKind.REDRIVE,
            label="Redrive",
            icon="redo",
            description="Continues at the failed step if Step Functions allows it; otherwise the next "
            "attempt starts, and the page shows why.",
            unavailable_reason=_why_no_redrive(row, is_running),
        ),
        InspectionAction(
            kind=CommandKind.STOP,
            label="Stop execution",
            icon="stop",
            description="Stops the execution now. The inspection stays open; reconciliation starts its "
            "next attempt.",
            unavailable_reason=""
            if is_running and row.state is not InspectionState.CLOSED
            else "no running execution",
        ),
        InspectionAction(
            kind=CommandKind.REINSPECT,
            label="Reinspect",
            icon="eye",
            description="The current model judges the photo again. The old verdict stays on record, and a "
            "correction is announced.",
            unavailable_reason=_why_no_reinspection(row),
        ),
    ]


def _why_no_redrive(row: Inspection, is_running: bool) -> str:
    if row.state is InspectionState.CLOSED:
        return "the inspection is closed"
    return "the execution is running" if is_running else ""


def _why_no_reinspection(row: Inspection) -> str:
    if row.state is not InspectionState.CLOSED:
        return "the verdict is not announced yet"
    if row.withdrawn:
        return "the upload was deleted"
    return f"it was revised {row.revision - 1} times" if row.revision >= MAX_REVISIONS else ""
