"""Keeping what was inspected findable and readable: names, records of executions, counts; by the clock."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from workflow import timestamps
from workflow.collected_errors import aside
from workflow.history.archive import Archive, Histories, Record
from workflow.history.metrics import Failure, counted
from workflow.history.step import Status
from workflow.inspections.inspection import Inspection, Ledger, State
from workflow.pipeline.intake import execution_name

PATIENCE_SECONDS = 3600
_BAD = (Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


class Books(Protocol):
    """Where it stands which rows are still to be kept, and what was made of them."""

    def unkept(self) -> Iterator[str]:
        """Ids of rows that began or closed since they were last kept, oldest first; may lag by moments."""

    def add_name(self, row: Inspection) -> None:
        """Let a row be found by its photo's name; adding it again changes nothing."""

    def kept(self, row: Inspection, counts: Mapping[str, int]) -> bool:
        """Note that this row is kept and count it, both or neither; False if it changed meanwhile."""

    def knows_failure(self, execution: str) -> bool:
        """Whether an execution that failed is remembered."""

    def add_failure(self, failure: Failure) -> None:
        """Remember an execution that failed."""


class Failed(Protocol):
    """Whoever knows which executions ended without success."""

    def ended_badly(self, known: Callable[[str], bool]) -> Iterator[str]:
        """The names of those that are not known."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """The ports that keeping needs."""

    ledger: Ledger
    books: Books
    archive: Archive
    histories: Histories
    failed: Failed


def keep(keeper: Keeper, time_left: Callable[[], bool]) -> dict[str, int]:
    """Keep what is not kept yet, as long as there is time; whatever dies here is done again next time.

    A fault with one of them waits until all others had their turn.
    """
    counts: Counter[str] = Counter()
    with aside() as turn:
        for execution in keeper.failed.ended_badly(keeper.books.knows_failure):
            if time_left():
                with turn():
                    counts["failures"] += _note_failure(keeper, execution)
        for inspection_id in keeper.books.unkept():
            if time_left():
                with turn():
                    row = keeper.ledger.get(inspection_id)
                    if row is not None:
                        counts["kept" if _keep(keeper, row) else "left for next time"] += 1
    return dict(counts)


def executions_of(row: Inspection) -> list[str]:
    """The names of all attempts at an inspection, first to last."""
    return [execution_name(row.id, attempt) for attempt in range(1, row.attempt + 1)]


def failure_of(record: Record) -> Failure:
    """What a failed execution's record says of the cause: the state, and its error."""
    bad = next((step for step in reversed(record.steps) if step.status in _BAD or step.type == "Fail"), None)
    error = record.error or (bad.error if bad else "") or record.status
    cause = record.cause or (bad.cause if bad else "")
    return Failure(record.execution, record.stopped_at, record.status, bad.name if bad else "", error, cause)


def _keep(keeper: Keeper, row: Inspection) -> bool:
    """Whether everything of this row is kept now; the last step of an execution closes its row early."""
    keeper.books.add_name(row)
    if row.state is not State.CLOSED:
        return keeper.books.kept(row, {})
    for execution in executions_of(row):
        known = keeper.archive.get(execution)
        if known is not None and known.final:
            continue
        record = keeper.histories.told(execution)
        if record is None:
            continue
        if execution == row.owner and not record.ended and _fresh(row):
            return False
        keeper.archive.keep(replace(record, inspection=asdict(row)))
    return keeper.books.kept(row, counted(row))


def _fresh(row: Inspection) -> bool:
    return timestamps.later(row.closed_at, PATIENCE_SECONDS) > timestamps.now()


def _note_failure(keeper: Keeper, execution: str) -> bool:
    record = keeper.histories.told(execution)
    if record is None or not record.ended:
        return False
    keeper.archive.keep(record)
    keeper.books.add_failure(failure_of(record))
    return True
