"""Assignment of photos to reviewers: leases, look-ahead, skips, holds, and the counts beside the photo."""

import random
import threading
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditAction, AuditEntry, Hold, Inspection, Lease
from workflow.inspections.objects import InspectionId
from workflow.review.decisions import MAX_REASON_LENGTH
from workflow.review.queue import LEASE_SECONDS, ReviewItem, ReviewQueue, ReviewRepository, is_expired

LOOKAHEAD = 5
SKIP_SECONDS = 600
MAX_ROTATION = 8
CACHE_AGE_FACTOR = 8
CACHE_AGE_PER_ITEM = 0.0005  # Seconds.


class ReviewOrder(StrEnum):
    """The order in which photos are assigned."""

    RISKIEST = "riskiest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerCounts:
    """The counts that a reviewer sees beside the photo.

    `available` counts photos that could be assigned to this reviewer now. `next_available_at` is the time at
    which the first lease of another reviewer expires.
    """

    waiting: int
    assigned_to_others: int
    assigned_to_me: int
    on_hold: int
    available: int = 0
    oldest_opened_at: str = ""
    next_available_at: str = ""


@dataclass(frozen=True, slots=True)
class _CachedQueue:
    """A queue as it was read at a time, and the number of seconds for which it may be used."""

    read_at: str
    max_age_seconds: float
    items: dict[InspectionId, ReviewItem]


class ReviewAssigner:
    """The assignment of photos within one worker process.

    It caches the queues for a moment, and long queues longer, so that reading them takes at most an eighth of
    the time. A short queue that was read slowly is not cached longer: a reviewer may wait for its next photo.
    The cache only proposes photos. The conditional write decides, so that any number of workers can assign
    photos at the same time.
    """

    def __init__(
        self, reviews: ReviewRepository, clock: timestamps.Clock = timestamps.now, cache_seconds: float = 1.0
    ) -> None:
        self._reviews = reviews
        self._clock = clock
        self._cache_seconds = cache_seconds
        self._cache: dict[ReviewQueue, _CachedQueue] = {}
        self._read_locks = {queue: threading.Lock() for queue in ReviewQueue}
        self._lock = threading.Lock()

    def assign(
        self,
        reviewer: str,
        count: int = 1 + LOOKAHEAD,
        order: ReviewOrder = ReviewOrder.RISKIEST,
        already_assigned: Collection[str] = (),
    ) -> list[Inspection]:
        """Lease up to `count` photos besides those already assigned, the reviewer's own leases first.

        One of them may be a settled photo that is due for a second review. A reviewer cannot tell it from the
        others.
        """
        now = self._clock()
        lease = Lease(reviewer, timestamps.add_seconds(now, LEASE_SECONDS))
        rows: list[Inspection] = []
        proposed = self._propose(reviewer, order, now, already_assigned)
        while proposed and len(rows) < count:
            item = proposed.popleft()
            if not self._reserve(item, lease, now):
                continue
            row = self._reviews.lease(item.id, lease, now)
            if row is not None:
                rows.append(row)
                continue
            self.drop_from_cache(item.id)
            if len(proposed) > MAX_ROTATION:  # Another worker assigns the same photos: try others.
                proposed.rotate(-random.randrange(MAX_ROTATION))  # noqa: S311
        return rows

    def renew(self, reviewer: str, inspection_ids: Iterable[InspectionId]) -> dict[InspectionId, str]:
        """Renew the leases of the photos on this reviewer's page; return the expiry of each renewed lease."""
        now = self._clock()
        lease = Lease(reviewer, timestamps.add_seconds(now, LEASE_SECONDS))
        return {
            inspection_id: lease.expires_at
            for inspection_id in inspection_ids
            if self._reviews.lease(inspection_id, lease, now)
        }

    def skip(self, reviewer: str, row: Inspection) -> None:
        """Release a photo, and do not assign it to this reviewer again for SKIP_SECONDS."""
        now = self._clock()
        current = {name: until for name, until in row.skipped.items() if until > now}
        skipped = {**current, reviewer: timestamps.add_seconds(now, SKIP_SECONDS)}
        if self._reviews.release_lease(row.id, reviewer, skipped):
            self._mark_available(row.id, skipped=skipped)

    def unskip(self, reviewer: str, inspection_id: InspectionId) -> None:
        """End a reviewer's own skip and lease the photo to them. Raise Conflict if it is not available."""
        now = self._clock()
        lease = Lease(reviewer, timestamps.add_seconds(now, LEASE_SECONDS))
        row = self._reviews.lease(inspection_id, lease, now, ends_skip=True)
        if row is None and self._reviews.lease(inspection_id, lease, now) is None:
            raise Conflict("another reviewer took the photo after it was skipped")

    def release_leases(self, reviewer: str, leases: Mapping[InspectionId, str]) -> None:
        """Release the photos of a page that was closed; `leases` holds the expiry that the page knew of each.

        The same reviewer's next page may have renewed a lease meanwhile. Leases that expire later stay.
        """
        for inspection_id, until in leases.items():
            if self._reviews.release_lease(inspection_id, reviewer, until=until):
                self._mark_available(inspection_id)

    def release_all_leases(self, reviewer: str) -> None:
        """Release all photos that are listed as assigned to this reviewer; called on sign-out."""
        for queue in (ReviewQueue.OPEN, ReviewQueue.SECOND_REVIEW):
            for item in self._reviews.list_items(queue):
                is_own = item.lease is not None and item.lease.reviewer == reviewer
                if is_own and self._reviews.release_lease(item.id, reviewer):
                    self._mark_available(item.id)

    def hold(self, reviewer: str, inspection_id: InspectionId, reason: str) -> None:
        """Keep a photo out of the queue until it is released. Raise ValueError without a reason."""
        if not reason.strip() or len(reason) > MAX_REASON_LENGTH:
            raise ValueError(f"a hold needs a reason of at most {MAX_REASON_LENGTH:,} characters")
        now = self._clock()
        entry = AuditEntry(
            inspection_id=inspection_id, at=now, actor=reviewer, action=AuditAction.HOLD, reason=reason
        )
        self._reviews.hold(inspection_id, Hold(reviewer, now, reason), entry)
        self.drop_from_cache(inspection_id)

    def release_hold(self, reviewer: str, inspection_id: InspectionId) -> None:
        """Return a photo from hold to the open queue."""
        self._reviews.release_hold(
            inspection_id,
            AuditEntry(
                inspection_id=inspection_id, at=self._clock(), actor=reviewer, action=AuditAction.RELEASE_HOLD
            ),
        )
        self.drop_from_cache(inspection_id)

    def list_items(self, queue: ReviewQueue = ReviewQueue.OPEN) -> list[ReviewItem]:
        """List a queue from the cache; read the queue again if the cache is too old.

        One thread reads for all threads. Meanwhile the others use the old cache, if there is one.
        """
        now = self._clock()
        cached = self._cache.get(queue)
        if cached is None or abs(timestamps.seconds_between(cached.read_at, now)) >= cached.max_age_seconds:
            read_lock = self._read_locks[queue]
            if read_lock.acquire(blocking=cached is None):
                try:
                    cached = self._read(queue, now)
                finally:
                    read_lock.release()
        with self._lock:
            return list(cached.items.values()) if cached else []

    def _read(self, queue: ReviewQueue, now: str) -> _CachedQueue:
        cached = self._cache.get(queue)
        if cached is not None and cached.read_at >= now and self._cache_seconds:
            return cached  # Another thread read it while this thread waited.
        began = time.monotonic()
        items = {item.id: item for item in self._reviews.list_items(queue)}
        elapsed = time.monotonic() - began
        age = min(CACHE_AGE_FACTOR * elapsed, CACHE_AGE_PER_ITEM * len(items))
        max_age = self._cache_seconds and max(self._cache_seconds, age)
        with self._lock:
            self._cache[queue] = cached = _CachedQueue(now, max_age, items)
        return cached

    def count_waiting(self, reviewer: str) -> ReviewerCounts:
        """Count the waiting photos by their assignment."""
        now = self._clock()
        waiting = self.list_items()
        leases = [
            item.lease for item in waiting if item.lease is not None and not is_expired(item.lease, now)
        ]
        others = [lease.expires_at for lease in leases if lease.reviewer != reviewer]
        own = len(leases) - len(others)
        return ReviewerCounts(
            waiting=len(waiting),
            assigned_to_others=len(others),
            assigned_to_me=own,
            on_hold=len(self.list_items(ReviewQueue.ON_HOLD)),
            available=sum(item.is_available_to(reviewer, now) for item in waiting) - own,
            oldest_opened_at=min((item.opened_at for item in waiting), default=""),
            next_available_at=min(others, default=""),
        )

    def list_expirations(self) -> list[tuple[str, bool, int]]:
        """List for each waiting photo: its id, if its lease has expired, and how many skips have expired.

        Only the passing of time changes these values, so no write announces them.
        """
        now = self._clock()
        return [
            (
                item.id,
                item.lease is not None and is_expired(item.lease, now),
                sum(until <= now for until in item.skipped.values()),
            )
            for item in self.list_items()
        ]

    def _propose(
        self, reviewer: str, order: ReviewOrder, now: str, already_assigned: Collection[str]
    ) -> deque[ReviewItem]:
        """Propose own photos, then available photos in order, with a second review right after the first."""
        available = [item for item in self.list_items() if item.is_available_to(reviewer, now)]
        if order is ReviewOrder.OLDEST:
            available.sort(key=lambda item: item.opened_at)
        second_reviews = [
            item for item in self.list_items(ReviewQueue.SECOND_REVIEW) if item.is_available_to(reviewer, now)
        ]
        own = [
            item for item in (*available, *second_reviews) if item.lease and item.lease.reviewer == reviewer
        ]
        own_ids = {item.id for item in own} | set(already_assigned)
        others = [item for item in available if item.id not in own_ids]
        if not any(item.id in own_ids for item in second_reviews):
            others[1:1] = second_reviews[:1]
        return deque(item for item in (*own, *others) if item.id not in already_assigned)

    def _reserve(self, item: ReviewItem, lease: Lease, now: str) -> bool:
        """Lease a photo in the cache, so that other threads do not try it. Return False if one was faster."""
        with self._lock:
            for cached in self._cache.values():
                current = cached.items.get(item.id)
                if current is not None and current.is_available_to(lease.reviewer, now):
                    cached.items[item.id] = replace(current, lease=lease)
                    return True
        return False

    def _mark_available(self, inspection_id: InspectionId, **changes: Any) -> None:
        """Remove a photo's lease in the cache, so that it can be assigned before the queue is read again."""
        with self._lock:
            for cached in self._cache.values():
                current = cached.items.get(inspection_id)
                if current is not None:
                    cached.items[inspection_id] = replace(current, lease=None, **changes)

    def drop_from_cache(self, inspection_id: InspectionId) -> None:
        """Remove a photo from the cache after it was decided, put on hold or released."""
        with self._lock:
            for cached in self._cache.values():
                cached.items.pop(inspection_id, None)
