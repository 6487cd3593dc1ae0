"""The review queues, their items and leases, and the repository that reads and changes them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Protocol

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease, SecondReview
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Prediction, Verdict

LEASE_SECONDS = 300
MAX_SECOND_REVIEWS = 2_000
CLOCK_SKEW_SECONDS = 4  # With more skew between two hosts' clocks, a lease could be taken too early.


class ReviewQueue(StrEnum):
    """The queue that lists a photo for reviewers; the values are keys of the index `by_review_queue`."""

    OPEN = "open"
    ON_HOLD = "on_hold"
    SECOND_REVIEW = "second_review"
    DISAGREEMENT = "disagreement"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A photo as a review queue lists it.

    `opened_at` is the time at which its review was opened, `first_decided_by` the reviewer who decided it.
    """

    id: InspectionId
    priority: str
    opened_at: str = ""
    escalated: bool = False
    lease: Lease | None = None
    hold: Hold | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    first_decided_by: str = ""
    second_review: SecondReview | None = None

    def is_available_to(self, reviewer: str, now: str) -> bool:
        """Return True if this reviewer may be shown the photo."""
        if self.first_decided_by == reviewer or self.skipped.get(reviewer, "") > now:
            return False
        return self.lease is None or self.lease.reviewer == reviewer or is_expired(self.lease, now)


class ReviewRepository(Protocol):
    """The rows that reviewers work on. Lists may lag, so every write checks the row itself."""

    def list_items(self, queue: ReviewQueue, since: str = "") -> Iterator[ReviewItem]:
        """List a queue by priority, from the priority `since` on; may lag by moments."""

    def lease(
        self, inspection_id: InspectionId, lease: Lease, now: str, *, ends_skip: bool = False
    ) -> Inspection | None:
        """Lease a photo that is open, or due for a second review by another reviewer than the first.

        With `ends_skip`, a skip by this reviewer is ended; otherwise it prevents the lease. Return
        the row, or None if the photo cannot be leased: it left the queue, or another reviewer has it.
        """

    def release_lease(
        self,
        inspection_id: InspectionId,
        reviewer: str,
        skipped: dict[str, str] | None = None,
        until: str = "",
    ) -> bool:
        """End this reviewer's lease; with `skipped`, also replace the recorded skips.

        With `until`, end only a lease that expires by then, so that a lease that was renewed since stays.
        Return False if there is no lease to end.
        """

    def hold(self, inspection_id: InspectionId, hold: Hold, entry: AuditEntry) -> None:
        """Put a photo on hold, with the audit entry. Raise Conflict if it is not open, or another has it."""

    def release_hold(self, inspection_id: InspectionId, entry: AuditEntry) -> None:
        """Return a photo to the open queue, with the audit entry. Raise Conflict if it is not on hold."""

    def record_second_review(
        self, before: Inspection, second: SecondReview | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        """Store, replace or (with None) remove a second review, with the audit entry.

        Raise Conflict if another second review was stored meanwhile, the photo was revised, or another
        reviewer has it leased.
        """


def list_second_reviews(reviews: ReviewRepository, since: str) -> list[tuple[InspectionId, SecondReview]]:
    """List the second reviews since a time, newest first, each with the id of its inspection.

    At most MAX_SECOND_REVIEWS of each queue are read.
    """
    found = [
        (item.id, item.second_review)
        for queue in (ReviewQueue.RESOLVED, ReviewQueue.DISAGREEMENT)
        for item in islice(reviews.list_items(queue, since), MAX_SECOND_REVIEWS)
        if item.second_review is not None
    ]
    return sorted(found, key=lambda pair: pair[1].at, reverse=True)


def review_queue_of(second: SecondReview | None) -> ReviewQueue:
    """Return the queue of a settled photo that was sampled for a second review."""
    if second is None:
        return ReviewQueue.SECOND_REVIEW
    return ReviewQueue.RESOLVED if second.agrees or second.final_verdict else ReviewQueue.DISAGREEMENT


def is_expired(lease: Lease, now: str) -> bool:
    """Return True if another reviewer may take the lease, even if one of two hosts' clocks is ahead."""
    return timestamps.add_seconds(lease.expires_at, CLOCK_SKEW_SECONDS) < now


def compute_priority(prediction: Prediction | None, opened_at: str, escalated: bool) -> str:
    """Return a photo's priority as a sortable text: escalated first, then likely defects, then the oldest.

    The risk is a defect that is passed as ok. Therefore photos that the model takes for defects come before
    photos that it takes for ok, and photos that it cannot judge at all come first.
    """
    return f"{0 if escalated else 1}-{round((1 - _risk(prediction)) * 1_000_000):07d}-{opened_at}"


def _risk(prediction: Prediction | None) -> float:
    if prediction is None or prediction.verdict is Verdict.UNCLEAR:
        return 1.0
    return prediction.confidence if prediction.verdict is Verdict.DEFECT else 1 - prediction.confidence
