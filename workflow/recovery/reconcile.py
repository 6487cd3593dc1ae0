"""Reconciliation: repair the issues of the consistency check, so that every photo gets its verdict."""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from workflow import timestamps
from workflow.deferred_errors import defer_errors
from workflow.inspections.inspection import UNJUDGED_STATES, Inspection, InspectionState
from workflow.inspections.objects import Image, ObjectStore, inspection_id
from workflow.inspections.repository import InspectionDatabase
from workflow.models import parked_photos
from workflow.models.capacity_manager import CapacityStore
from workflow.pipeline.executions import Executions, TaskTokenStore
from workflow.pipeline.parking import wake
from workflow.pipeline.start import (
    BACKPRESSURE_WINDOW_SECONDS,
    MAX_ATTEMPTS,
    backoff_elapsed,
    restart_inspection,
    start_inspection,
)
from workflow.recovery import consistency
from workflow.recovery.id_groups import id_prefix
from workflow.recovery.issues import Issue, IssueKind
from workflow.review import decisions
from workflow.review.decisions import MessageQueue

MAX_IN_FLIGHT = 20
MAX_MISSED_WAKES = 20  # The capacity manager wakes most photos: this is for those that it missed.
RESTART_FACTOR = 5
LEFT_TO_PERSON, DEFERRED = "left to a person", "deferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """The ports of reconciliation, and the limit of inspections in flight above which none is started.

    Only the scheduled reconciliation has the wake tokens and the capacity store, and finds missed wake-ups.
    """

    inspections: InspectionDatabase
    objects: ObjectStore
    executions: Executions
    delivery_queue: MessageQueue
    wake_tokens: TaskTokenStore | None = None
    capacity_store: CapacityStore | None = None
    max_in_flight: int = MAX_IN_FLIGHT

    def available_slots(self) -> int:
        """Return how many missed uploads may be started now.

        An upload whose event waits in a long queue looks like a missed one. Starting them all would remove
        the back-pressure of the queue when it is needed.
        """
        since = timestamps.add_seconds(timestamps.now(), -BACKPRESSURE_WINDOW_SECONDS)
        limit = self.max_in_flight
        return limit - self.inspections.count_recent(InspectionState.INSPECTING, since, limit)

    def repair(self, issue: Issue) -> bool:
        """Repair one issue, or find it repaired already. Return False if it is left to a person."""
        if issue.kind is IssueKind.MISSED_UPLOAD:
            start_inspection(self.executions, self.inspections, issue.image, issue.uploaded_at)
            return True
        if issue.kind is IssueKind.UNKNOWN_OBJECT:
            return self._adopt(issue)
        if issue.row is None or issue.kind is IssueKind.MISSING_OBJECT:
            return False
        if issue.kind is IssueKind.ORPHANED_INSPECTION:
            return self.restart(issue.row)
        if issue.kind is IssueKind.UNDELIVERED:
            self.delivery_queue.send(decisions.delivery_message(issue.inspection_id))
            return True
        if issue.kind is IssueKind.MISSED_WAKE:
            return self.wake_tokens is not None and wake(self.wake_tokens, self.executions, issue.row.id)
        return self._delete(issue.row, issue.image)

    def _adopt(self, issue: Issue) -> bool:
        """Start the inspection of an object that no row names, unless it is gone or its row is listed by now.

        The inspection is that of the object itself, and a person decides it. The object stays where it is.
        """
        prefix = id_prefix(issue.image)
        row = next(self.inspections.list_by_id(prefix), None) if prefix else None
        is_named = row is not None and row.id.startswith(prefix)
        if not is_named and self.objects.fetch(issue.image, 0) is not None:
            start_inspection(
                self.executions, self.inspections, issue.image, issue.uploaded_at, recovered=True
            )
        return True

    def _delete(self, row: Inspection, image: Image) -> bool:
        """Delete a surplus copy, if the photo is still stored at the location that made it surplus."""
        current = self.inspections.get(row.id)
        if current is None or current.location != row.location:
            return False
        if self.objects.fetch(current.location, 0) is None:
            return False
        self.objects.delete(image)
        return True

    def restart(self, row: Inspection, limit: int = MAX_ATTEMPTS) -> bool:
        """Restart an inspection; False after `limit` attempts, which leaves it to a person."""
        return restart_inspection(self.inspections, self.executions, row, limit)


def find_issues(reconciler: Reconciler, inbound: str) -> Iterable[Issue]:
    """Find the issues that each scheduled run repairs, without comparing the whole table with the buckets.

    Open reviews and begun inspections come first. Missed uploads come last and are limited to the available
    slots, since uploads in a long queue look missed. The backoff of an inspection doubles with each failed
    attempt, so that an outage of some hours leaves no inspection to a person.
    """
    inspections, begun = reconciler.inspections, set[str]()
    for state in (InspectionState.WAITING, *UNJUDGED_STATES):
        rows = _collect_ids(inspections.list_by_state(state), begun)
        orphaned = consistency.find_orphaned(
            inspections, reconciler.executions, filter(backoff_elapsed, rows)
        )
        # One more than the limit shows that there are more.
        yield from islice(orphaned, RESTART_FACTOR * reconciler.max_in_flight + 1)
        # Of the remaining rows only the ids are collected: checking each of them would take all the time.
        deque(rows, maxlen=0)
        yield from consistency.find_undelivered(inspections.list_by_state(state))
    yield from _find_missed_wakes(reconciler)
    uploads = consistency.list_uploads(reconciler.objects, inbound)
    not_begun = (upload for upload in uploads if inspection_id(upload.image) not in begun)
    missed_uploads = consistency.find_missed_uploads(inspections, not_begun)
    yield from islice(missed_uploads, max(0, reconciler.available_slots()))


def _find_missed_wakes(reconciler: Reconciler) -> Iterator[Issue]:
    if reconciler.capacity_store is None:
        return
    meter, now = reconciler.capacity_store.load_meter(), timestamps.now()
    for row in islice(parked_photos.find_missed(reconciler.inspections, meter, now), MAX_MISSED_WAKES):
        yield Issue(
            kind=IssueKind.MISSED_WAKE,
            inspection_id=row.id,
            image=row.image,
            reason=f"it waits for the model, which has run since {meter.model_running_since}",
            row=row,
        )


def _collect_ids(rows: Iterable[Inspection], ids: set[str]) -> Iterator[Inspection]:
    for row in rows:
        ids.add(row.id)
        yield row


def reconcile(reconciler: Reconciler, issues: Iterable[Issue]) -> dict[str, int]:
    """Repair the issues; return how many of each kind were repaired, left to a person, or deferred.

    The number of inspections that are started at once is limited, and the rest is deferred. An error with one
    issue is raised after all other issues.
    """
    counts: Counter[str] = Counter()
    limits = {
        IssueKind.MISSED_UPLOAD: reconciler.available_slots(),
        IssueKind.ORPHANED_INSPECTION: RESTART_FACTOR * reconciler.max_in_flight,
        IssueKind.UNKNOWN_OBJECT: RESTART_FACTOR * reconciler.max_in_flight,
    }
    with defer_errors() as capture:
        for issue in issues:
            if counts[issue.kind.value] >= limits.get(issue.kind, math.inf):
                counts[DEFERRED] += 1
                continue
            with capture():
                counts[issue.kind.value if reconciler.repair(issue) else LEFT_TO_PERSON] += 1
    return dict(counts)
