"""Failures: inspections whose own execution failed and was not followed up, and all of one cause."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from workflow import timestamps
from workflow.history.metrics import FailedExecution, MetricsStore
from workflow.inspections.inspection import Inspection
from workflow.inspections.repository import InspectionRepository

FAILED = "failed"  # The word for such inspections beside the states, in pages and commands.
FAILURE_DAYS = 30
MAX_FAILURES_READ = 500
MAX_FAILURES_SHOWN = 100
INSPECTION_ID_LENGTH = 64
LOOKUP_THREADS = 8

OpenFailure = tuple[Inspection, FailedExecution]


def list_recent_failures(metrics: MetricsStore) -> list[FailedExecution]:
    """Return the last MAX_FAILURES_READ failures of the last FAILURE_DAYS, newest first."""
    since = timestamps.add_seconds(timestamps.now(), -FAILURE_DAYS * 86400)
    return metrics.list_failures(since, MAX_FAILURES_READ)


def list_open_failures(
    metrics: MetricsStore, inspections: InspectionRepository, limit: int = MAX_FAILURES_SHOWN
) -> list[OpenFailure]:
    """Return up to `limit` open inspections whose own execution failed, newest failure first.

    Reconciliation or a person has followed up most failures, so more are read than are returned.
    """
    failures = list_recent_failures(metrics)
    ids = [failure.execution[:INSPECTION_ID_LENGTH] for failure in failures]
    with ThreadPoolExecutor(LOOKUP_THREADS) as pool:
        rows = list(pool.map(inspections.get, ids))
    still_open = (
        (row, failure)
        for row, failure in zip(rows, failures, strict=True)
        if row is not None and row.owner == failure.execution and not row.closed_at
    )
    return list(islice(still_open, limit))


def list_failed_inspections(
    metrics: MetricsStore, inspections: InspectionRepository, since: str, label: str
) -> list[Inspection]:
    """Return the inspections of which an execution failed with this label since a time, each once."""
    failures = [one for one in metrics.list_failures(since, MAX_FAILURES_READ) if one.label == label]
    ids = list(dict.fromkeys(failure.execution[:INSPECTION_ID_LENGTH] for failure in failures))
    with ThreadPoolExecutor(LOOKUP_THREADS) as pool:
        return [row for row in pool.map(inspections.get, ids) if row is not None]
