"""What executions did, for pages: from the archive, or asked of the function that may ask Step Functions."""

from dataclasses import dataclass

from workflow.archive import Archive, Histories, Record, latest
from workflow.figures import Failure, Figures
from workflow.inspection import Inspection, Ledger
from workflow.logs import Logs
from workflow.search import Search

INSPECTION_DIGITS = 64


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
        """Open inspections whose own execution failed, newest failure first."""
        found = []
        for failure in self.figures.failures(since, limit):
            row = ledger.get(failure.execution[:INSPECTION_DIGITS])
            if row is not None and row.owner == failure.execution and not row.closed_at:
                found.append((row, failure))
        return found
