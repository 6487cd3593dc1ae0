"""What executions did, for pages: from the archive, or asked of the function that may ask Step Functions."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from workflow.history.archive import Archive, Histories, Record, latest
from workflow.history.logs import Logs
from workflow.history.metrics import Failure, Figures
from workflow.history.search import Search
from workflow.inspections.inspection import Inspection, Ledger

INSPECTION_DIGITS = 64
FAILURES_READ = 500
LOOKED_UP_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Past:
    """Where pages find inspections, their executions, and what was counted of them."""

    search: Search
    archive: Archive
    histories: Histories
    figures: Figures
    logs: Logs

    def told(self, execution: str) -> Record | None:
        """The record of an execution as it is now, or as it was last known."""
        return latest(self.archive, self.histories, execution)

    def failed_now(self, ledger: Ledger, since: str, limit: int) -> list[tuple[Inspection, Failure]]:
        """Open inspections whose own execution is among the last that failed, newest failure first.

        Most that failed were followed up, by the clock or a person, so more are read than are shown.
        """
        failures = self.last_failures(since)
        ids = [failure.execution[:INSPECTION_DIGITS] for failure in failures]
        with ThreadPoolExecutor(LOOKED_UP_AT_ONCE) as pool:
            rows = list(pool.map(ledger.get, ids))
        open_ones = (
            (row, failure)
            for row, failure in zip(rows, failures, strict=True)
            if row is not None and row.owner == failure.execution and not row.closed_at
        )
        return list(islice(open_ones, limit))

    def last_failures(self, since: str) -> list[Failure]:
        """As many as are looked at, newest first."""
        return self.figures.failures(since, FAILURES_READ)
