"""Execution histories for pages: search, archive, running executions, metrics and logs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from workflow.history.archive import ExecutionArchive, ExecutionRecord, HistorySource, load_latest
from workflow.history.logs import StepLogs
from workflow.history.metrics import FailedExecution, MetricsStore
from workflow.history.search import InspectionSearch
from workflow.inspections.inspection import Inspection
from workflow.inspections.repository import InspectionRepository

INSPECTION_ID_LENGTH = 64
MAX_FAILURES_READ = 500
LOOKUP_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionHistory:
    """The sources from which pages read inspections, executions and metrics."""

    search: InspectionSearch
    archive: ExecutionArchive
    source: HistorySource
    metrics: MetricsStore
    logs: StepLogs

    def fetch(self, execution: str) -> ExecutionRecord | None:
        """Fetch the current record of an execution, the archived one if there is no other, or None."""
        return load_latest(self.archive, self.source, execution)

    def open_failures(
        self, inspections: InspectionRepository, since: str, limit: int
    ) -> list[tuple[Inspection, FailedExecution]]:
        """Return up to `limit` open inspections whose own execution failed, newest failure first.

        Reconciliation or a person has followed up most failures, so more are read than are returned.
        """
        failures = self.recent_failures(since)
        ids = [failure.execution[:INSPECTION_ID_LENGTH] for failure in failures]
        with ThreadPoolExecutor(LOOKUP_THREADS) as pool:
            rows = list(pool.map(inspections.get, ids))
        still_open = (
            (row, failure)
            for row, failure in zip(rows, failures, strict=True)
            if row is not None and row.owner == failure.execution and not row.closed_at
        )
        return list(islice(still_open, limit))

    def recent_failures(self, since: str) -> list[FailedExecution]:
        """Return the last MAX_FAILURES_READ failures since a time, newest first."""
        return self.metrics.list_failures(since, MAX_FAILURES_READ)
