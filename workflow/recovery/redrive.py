"""Failed inspections start again on demand: where they failed if Step Functions can, else as new attempts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from workflow.inspections.inspection import Inspection, Ledger, State, known
from workflow.inspections.objects import Image
from workflow.pipeline.intake import ALIVE, Executions
from workflow.recovery import consistency
from workflow.recovery.reconcile import Mender


class Redrivable(Executions, Protocol):
    """Executions of which a failed one may go on where it failed."""

    def redrive(self, name: str) -> str:
        """Let a failed execution go on; returns why it cannot, or nothing when it does."""


class Outcome(StrEnum):
    """What became of the wish to start an inspection again."""

    REDRIVEN = "redriven"
    RESTARTED = "restarted"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True)
class Redriven:
    """One inspection that was to start again; `execution` is the one that has it now."""

    inspection_id: str
    image: Image
    execution: str
    outcome: Outcome
    why: str


def failed(ledger: Ledger, executions: Executions) -> list[Inspection]:
    """Open inspections whose execution ended or is forgotten, those that wait for a person last."""
    rows = [row for state in (State.INSPECTING, State.WAITING) for row in ledger.in_state(state)]
    return [found.row for found in consistency.stranded(ledger, executions, rows) if found.row is not None]


def redrive(mender: Mender, executions: Redrivable, inspection_id: str) -> Redriven:
    """Start one inspection again, however often it failed.

    The row's own execution goes on where it failed. Where that is impossible (after 14 days, or on an engine
    that cannot), the row is handed to the next attempt, which repeats what is harmless to repeat.
    """
    row = known(mender.ledger, inspection_id)
    if row.state is State.CLOSED:
        return _told(row, Outcome.NOT_NEEDED, f"it was closed at {row.closed_at}")
    status = executions.status(row.owner)
    if status in ALIVE:
        return _told(row, Outcome.NOT_NEEDED, "it is running")
    refusal = executions.redrive(row.owner) if status else "the execution is forgotten"
    if not refusal:
        return _told(row, Outcome.REDRIVEN, f"it goes on where it {_ended(status)}")
    mender.restart(row, limit=row.tries + 1)
    return _told(mender.ledger.get(row.id) or row, Outcome.RESTARTED, refusal)


def redrive_all(
    mender: Mender,
    executions: Redrivable,
    inspections: Iterable[str],
    per_second: float,
    sleep: Callable[[float], None],
) -> Iterator[Redriven]:
    """Start inspections again one after the other, at most so many a second."""
    for number, inspection_id in enumerate(inspections):
        if number:
            sleep(1 / per_second)
        yield redrive(mender, executions, inspection_id)


def _ended(status: str | None) -> str:
    return {"TIMED_OUT": "timed out", "ABORTED": "was stopped"}.get(status or "", "failed")


def _told(row: Inspection, outcome: Outcome, why: str) -> Redriven:
    return Redriven(row.id, row.image, row.owner, outcome, why)
