"""The archiver: store the histories of executions, index photo names, and count metrics."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from workflow import timestamps
from workflow.deferred_errors import defer_errors
from workflow.history.archive import ExecutionArchive, ExecutionRecord, HistorySource
from workflow.history.metrics import FailedExecution, InspectionMetrics, measure_inspection
from workflow.history.step import StepStatus
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionRepository
from workflow.pipeline.executions import execution_name

MAX_LAG_SECONDS = 3600
_FAILED_STATUSES = (StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.ABORTED)


class ArchiveIndex(Protocol):
    """The index of rows that still need archiving, with the photo names and the derived metrics."""

    def list_unarchived_ids(self) -> Iterator[InspectionId]:
        """List the ids of rows whose state changed since their last archiving, oldest first; may lag."""

    def add_name(self, row: Inspection) -> None:
        """Add the photo's name to the name index. Idempotent."""

    def mark_archived(self, row: Inspection, metrics: InspectionMetrics) -> bool:
        """Mark the row as archived, and replace its earlier metrics, if there are any, by these.

        Both or neither. Return False if the row changed meanwhile.
        """

    def has_failure(self, execution: str) -> bool:
        """Return True if this failed execution is stored."""

    def add_failure(self, failure: FailedExecution) -> None:
        """Store a failed execution."""


class FailureSource(Protocol):
    """The source of executions that ended without success."""

    def list_failed(self, is_known: Callable[[str], bool]) -> Iterator[str]:
        """List the names of failed executions that are not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archiver:
    """The ports of archiving."""

    inspections: InspectionRepository
    index: ArchiveIndex
    archive: ExecutionArchive
    history_source: HistorySource
    failure_source: FailureSource


def archive_executions(archiver: Archiver, time_left: Callable[[], bool]) -> dict[str, int]:
    """Archive unarchived rows and failed executions while there is time; return counts by outcome.

    The next run repeats an interrupted one. An error with one item is raised after all other items.
    """
    counts: Counter[str] = Counter()
    with defer_errors() as capture:
        for execution in archiver.failure_source.list_failed(archiver.index.has_failure):
            if time_left():
                with capture():
                    counts["failures"] += _archive_failure(archiver, execution)
        for inspection_id in archiver.index.list_unarchived_ids():
            if time_left():
                with capture():
                    row = archiver.inspections.get(inspection_id)
                    if row is not None:
                        counts["archived" if _archive_row(archiver, row) else "deferred"] += 1
    return dict(counts)


def execution_names(row: Inspection) -> list[str]:
    """List the names of all attempts at an inspection, first to last."""
    return [execution_name(row.id, attempt) for attempt in range(1, row.attempt + 1)]


def describe_failure(record: ExecutionRecord) -> FailedExecution:
    """Return the state in which an execution failed, with its error and cause."""
    failed_step = next(
        (step for step in reversed(record.steps) if step.status in _FAILED_STATUSES or step.type == "Fail"),
        None,
    )
    return FailedExecution(
        execution=record.execution,
        at=record.stopped_at,
        status=record.status,
        state=failed_step.name if failed_step else "",
        error=record.error or (failed_step.error if failed_step else "") or record.status,
        cause=record.cause or (failed_step.cause if failed_step else ""),
    )


def _archive_row(archiver: Archiver, row: Inspection) -> bool:
    """Archive a row. Return False if its last execution still runs: the row closes before the last step."""
    archiver.index.add_name(row)
    if row.state is not InspectionState.CLOSED:
        return archiver.index.mark_archived(row, measure_inspection(row))
    for execution in execution_names(row):
        archived = archiver.archive.get(execution)
        if archived is not None and archived.is_final:
            continue
        record = archiver.history_source.fetch(execution)
        if record is None:
            continue
        if execution == row.owner and not record.has_ended and _recently_closed(row):
            return False
        archiver.archive.save(replace(record, inspection=asdict(row)))
    return archiver.index.mark_archived(row, measure_inspection(row))


def _recently_closed(row: Inspection) -> bool:
    return timestamps.add_seconds(row.closed_at, MAX_LAG_SECONDS) > timestamps.now()


def _archive_failure(archiver: Archiver, execution: str) -> bool:
    record = archiver.history_source.fetch(execution)
    if record is None or not record.has_ended:
        return False
    archiver.archive.save(record)
    archiver.index.add_failure(describe_failure(record))
    return True
