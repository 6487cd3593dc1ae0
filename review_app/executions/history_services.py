"""Execution histories for pages: search, archive, running executions, metrics and logs."""

from dataclasses import dataclass

from workflow.history.archive import ExecutionArchive, ExecutionRecord, HistorySource, load_latest
from workflow.history.logs import StepLogs
from workflow.history.metrics import MetricsStore
from workflow.history.search import InspectionSearch


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryServices:
    """The sources from which pages read inspections, executions and metrics."""

    search: InspectionSearch
    archive: ExecutionArchive
    source: HistorySource
    metrics: MetricsStore
    logs: StepLogs

    def fetch(self, execution: str) -> ExecutionRecord | None:
        """Fetch the current record of an execution, the archived one if there is no other, or None."""
        return load_latest(self.archive, self.source, execution)
