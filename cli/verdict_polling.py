"""Wait for the verdicts of uploaded photos, within a fixed budget of reads."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionDatabase, InspectionQueries
from workflow.inspections.serialization import IN_FLIGHT, is_in_flight, verdict_or_status

MAX_RECENT = 300
SINGLE_READS = 2
ROUND_SECONDS = 1.4


def wait_for_answers(
    inspections: InspectionDatabase,
    ids: Iterable[InspectionId],
    since: str,
    timeout_seconds: float,
    show_progress: Callable[[Mapping[InspectionId, Inspection]], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> dict[InspectionId, Inspection]:
    """Return the rows of the inspections that leave the pipeline within the timeout, by id.

    `since` is a time before the first upload. Each round reads the newest rows together and a few missing
    rows by id in turn: at most five reads a second for any number of photos.
    """
    missing = dict.fromkeys(ids)
    rows: dict[InspectionId, Inspection] = {}
    rounds = itertools.count()
    deadline = clock() + timeout_seconds
    while missing:
        recent = _list_recent(inspections, since) if len(missing) > SINGLE_READS else []
        answers = {row.id: row for row in recent if row.id in missing and not is_in_flight(row)}
        for inspection_id in _rotate(list(missing), next(rounds)):
            row = None if inspection_id in answers else inspections.get(inspection_id)
            if row is not None and not is_in_flight(row):
                answers[inspection_id] = row
        rows.update(answers)
        for inspection_id in answers:
            del missing[inspection_id]
        show_progress(rows)
        if missing and clock() >= deadline:
            break
        if missing:
            sleep(ROUND_SECONDS)
    return rows


def _list_recent(inspections: InspectionQueries, since: str) -> list[Inspection]:
    """Return the newest rows, at most as many as were claimed since then, to avoid reading older days."""
    claimed = sum(inspections.count_recent(state, since, MAX_RECENT) for state in InspectionState)
    return inspections.list_newest(min(claimed, MAX_RECENT)) if claimed else []


def _rotate(missing: list[InspectionId], number: int) -> list[InspectionId]:
    """Return the ids that are read one by one in this round."""
    start = number * SINGLE_READS % len(missing)
    return (missing + missing)[start : start + min(SINGLE_READS, len(missing))]


def count_verdicts(rows: Iterable[Inspection], in_flight: int = 0) -> Counter[str]:
    """Count the photos of each verdict: ok, defect, unclear, rejected, others, in flight."""
    counts: Counter[str] = Counter({"ok": 0, "defect": 0, "unclear": 0, "rejected": 0})
    counts.update(verdict_or_status(row) for row in rows)
    counts[IN_FLIGHT] += in_flight
    return counts
