"""Chips: the style, icon and label with which pages show a verdict or a status."""

from dataclasses import dataclass

from workflow.history.archive import ExecutionRecord
from workflow.history.metrics import FailedExecution
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.undo_window import DecisionStatus
from workflow.inspections.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Chip:
    """A short label with an icon; `style` is a CSS class, empty for a neutral chip."""

    label: str
    icon: str
    style: str = ""


STEP_ICONS = {
    "succeeded": "ok",
    "failed": "defect",
    "running": "running",
    "waiting": "person-wait",
    "caught": "redo",
    "aborted": "stop",
    "not-entered": "minus",
}
_STEP_CHIP_STYLES = {
    "succeeded": "ok",
    "waiting": "unclear",
    "caught": "warn",
    "aborted": "",
    "not-entered": "",
}
_EXECUTION_STYLES = {"SUCCEEDED": "succeeded", "RUNNING": "running"}
_STATES = {
    InspectionState.INSPECTING: Chip(InspectionState.INSPECTING.value, "running", "running"),
    InspectionState.PARKED: Chip("waits for the model", "clock", "running"),
    InspectionState.WAITING: Chip(InspectionState.WAITING.value, "person-wait", "unclear"),
    InspectionState.CLOSED: Chip(InspectionState.CLOSED.value, "ok"),
}
_WITHDRAWN = Chip("withdrawn", "minus")
_VERDICT_ICONS = {
    Verdict.OK: "ok",
    Verdict.DEFECT: "defect",
    Verdict.UNCLEAR: "help",
    Verdict.REJECTED: "warn",
}
_DECISION_STATUSES = {
    DecisionStatus.UNDOABLE: Chip("can be undone", "undo", "info"),
    DecisionStatus.FINAL: Chip("final", "clock", "info"),
    DecisionStatus.DELIVERED: Chip("sent", "out", "info"),
    DecisionStatus.APPLIED: Chip("filed", "ok", "ok"),
}


def verdict_chip(verdict: str, defect_class: str = "") -> Chip:
    """Return the chip of a verdict, with its defect class if there is one."""
    label = f"{verdict} · {defect_class}" if defect_class else str(verdict)
    return Chip(label, _VERDICT_ICONS[Verdict(verdict)], str(verdict))


def decision_status_chip(status: str) -> Chip:
    """Return the chip of a decision's delivery status."""
    return _DECISION_STATUSES[DecisionStatus(status)]


def step_chip(style: str, label: str) -> Chip:
    """Return the chip of an execution's step, from the style that `step_style` returns."""
    return Chip(label, STEP_ICONS[style], _STEP_CHIP_STYLES.get(style, style))


def list_chip(row: Inspection, failure: FailedExecution | None) -> Chip:
    """Return the chip of an inspection in the list, with the failure of its own execution if it failed."""
    if failure and not row.closed_at:
        label = f"failed · {failure.state}" if failure.state else "failed"
        return Chip(label, "defect", "failed")
    if row.withdrawn:
        return _WITHDRAWN
    return _STATES[row.state]


def inspection_chip(row: Inspection) -> Chip:
    """Return the chip of an inspection: its verdict if it is closed, otherwise its state."""
    if row.withdrawn:
        return _WITHDRAWN
    if row.state is InspectionState.CLOSED and row.verdict:
        return verdict_chip(row.verdict, row.decision.defect_class if row.decision else "")
    if row.awaits_decision:
        return _STATES[InspectionState.WAITING]
    return _STATES[row.state]


def result_chip(row: Inspection) -> Chip | None:
    """Return the chip of an inspection's verdict or withdrawal, None while it has neither."""
    if row.withdrawn:
        return _WITHDRAWN
    return verdict_chip(row.verdict) if row.verdict else None


def execution_chip(row: Inspection, record: ExecutionRecord | None) -> Chip:
    """Return the chip of an execution's status; without a record, only the inspection is known."""
    if record is None:
        return Chip("history unavailable", "book")
    if record.status == "RUNNING" and row.state is InspectionState.WAITING:
        return step_chip("waiting", InspectionState.WAITING.value)
    if record.status == "RUNNING" and row.state is InspectionState.PARKED:
        return _STATES[InspectionState.PARKED]
    style = _EXECUTION_STYLES.get(record.status, "failed")
    return step_chip(style, record.status.lower().replace("_", " "))
