"""What an engineer may ask of one inspection now, and why not of what is not possible."""

from dataclasses import dataclass

from workflow.history.archive import Record
from workflow.inspections.inspection import Inspection, State
from workflow.recovery.commands import Kind
from workflow.review.revision import MAX_REVISIONS

RUNNING = ("RUNNING", "PENDING_REDRIVE")


@dataclass(frozen=True, slots=True)
class Action:
    """One button: its words, what it does, and the reason where it does nothing now."""

    kind: Kind
    words: str
    icon: str
    explained: str
    why_not: str = ""


def actions(row: Inspection, record: Record | None) -> list[Action]:
    """The three actions on an inspection, by what the ledger and its execution say."""
    runs = record is not None and record.execution == row.owner and record.status in RUNNING
    return [
        Action(
            Kind.REDRIVE,
            "Start again",
            "redo",
            "It goes on at the failed step where Step Functions can; else the next attempt begins, "
            "and the page tells why.",
            _no_redrive(row, runs),
        ),
        Action(
            Kind.STOP,
            "Stop this attempt",
            "stop",
            "The execution ends now. The photo keeps its place, and the clock begins the next attempt.",
            "" if runs and row.state is not State.CLOSED else "nothing runs",
        ),
        Action(
            Kind.AGAIN,
            "Inspect again",
            "eye",
            "The model in use judges the photo anew; the old verdict stays on record and a correction is "
            "announced.",
            _no_revision(row),
        ),
    ]


def _no_redrive(row: Inspection, runs: bool) -> str:
    if row.state is State.CLOSED:
        return "it is closed"
    return "it is running" if runs else ""


def _no_revision(row: Inspection) -> str:
    if row.state is not State.CLOSED:
        return "its verdict is not announced yet"
    if row.withdrawn:
        return "the upload was deleted"
    return f"it was revised {row.revision - 1} times" if row.revision >= MAX_REVISIONS else ""
