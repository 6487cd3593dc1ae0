"""Handing photos out to reviewers: to one at a time, some in advance, and back when they go away."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease
from workflow.review.decisions import MAX_REASON
from workflow.review.queue import LEASE_SECONDS, Pile, Reviews, Waiting, expired

LOOKAHEAD = 5
SKIP_SECONDS = 600
STEP_ASIDE = 8
PATIENCE = 8


class Order(StrEnum):
    """What is handed out first."""

    RISKIEST = "riskiest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Counts:
    """What a reviewer sees beside the photo.

    `free` are those that could be handed to this reviewer now; `next_free_at` is when the first lease of
    others ends.
    """

    waiting: int
    with_others: int
    mine: int
    held: int
    free: int = 0
    oldest_since: str = ""
    next_free_at: str = ""


@dataclass(frozen=True, slots=True)
class _List:
    """What lay on a pile at a moment, and for how many seconds that is good enough."""

    at: str
    seconds: float
    known: dict[str, Waiting]


class Desk:
    """The hand-out of one worker process.

    It keeps the lists of what waits for a moment, and long ones longer, so that reading them takes an eighth
    of its time at most. A list only proposes; the conditional write decides, so
    that any number of workers hand out at once.
    """

    def __init__(
        self, reviews: Reviews, clock: Callable[[], str] = timestamps.now, keep_seconds: float = 1.0
    ) -> None:
        self._reviews = reviews
        self._clock = clock
        self._keep = keep_seconds
        self._lists: dict[Pile, _List] = {}
        self._reading = {pile: threading.Lock() for pile in Pile}
        self._lock = threading.Lock()

    def take(
        self,
        reviewer: str,
        wanted: int = 1 + LOOKAHEAD,
        order: Order = Order.RISKIEST,
        have: Collection[str] = (),
    ) -> list[Inspection]:
        """Lease so many photos besides those that this reviewer has before him, his own ones first.

        One of them may be a second look at a settled photo: whoever decides cannot tell it from the others.
        """
        now = self._clock()
        lease = Lease(reviewer, timestamps.later(now, LEASE_SECONDS))
        rows: list[Inspection] = []
        proposed = self._proposed(reviewer, order, now, have)
        while proposed and len(rows) < wanted:
            one = proposed.popleft()
            if not self._reserve(one, lease, now):
                continue
            row = self._reviews.lease(one.id, lease, now)
            if row is not None:
                rows.append(row)
                continue
            self.forget(one.id)
            if len(proposed) > STEP_ASIDE:  # Another worker hands out the same ones: step aside.
                proposed.rotate(-random.randrange(STEP_ASIDE))  # noqa: S311
        return rows

    def renew(self, reviewer: str, inspection_ids: Iterable[str]) -> dict[str, str]:
        """Renew the leases of photos that this reviewer has before him; return those kept, and until when."""
        now = self._clock()
        lease = Lease(reviewer, timestamps.later(now, LEASE_SECONDS))
        return {one: lease.until for one in inspection_ids if self._reviews.lease(one, lease, now)}

    def skip(self, reviewer: str, row: Inspection) -> None:
        """Give a photo back, and do not show it to this reviewer again for a while."""
        now = self._clock()
        current = {who: until for who, until in row.skipped.items() if until > now}
        skipped = {**current, reviewer: timestamps.later(now, SKIP_SECONDS)}
        if self._reviews.free(row.id, reviewer, skipped):
            self._freed(row.id, skipped=skipped)

    def release(self, reviewer: str, leases: Mapping[str, str]) -> None:
        """Give photos back whose page is gone; `leases` says until when that page had each.

        The next page of the same reviewer may have them by now, and its leases end later: those stay.
        """
        for inspection_id, until in leases.items():
            if self._reviews.free(inspection_id, reviewer, until=until):
                self._freed(inspection_id)

    def release_all(self, reviewer: str) -> None:
        """Give back whatever is listed as his, on sign-out."""
        for pile in (Pile.OPEN, Pile.SECOND):
            for one in self._reviews.listed(pile):
                his = one.lease is not None and one.lease.reviewer == reviewer
                if his and self._reviews.free(one.id, reviewer):
                    self._freed(one.id)

    def hold(self, reviewer: str, inspection_id: str, reason: str) -> None:
        """Take a photo out of the hand-out until somebody puts it back."""
        if not reason.strip() or len(reason) > MAX_REASON:
            raise ValueError(f"a hold needs a reason of at most {MAX_REASON:,} characters")
        now = self._clock()
        entry = AuditEntry(inspection_id, now, reviewer, "hold", reason=reason)
        self._reviews.hold(inspection_id, Hold(reviewer, now, reason), entry)
        self.forget(inspection_id)

    def unhold(self, reviewer: str, inspection_id: str) -> None:
        """Put a held photo back into the hand-out."""
        self._reviews.unhold(inspection_id, AuditEntry(inspection_id, self._clock(), reviewer, "unhold"))
        self.forget(inspection_id)

    def waiting(self, pile: Pile = Pile.OPEN) -> list[Waiting]:
        """What lies on a pile, as it was a moment ago.

        One thread reads it for all; the others make do with what they know meanwhile, if they know anything.
        """
        now = self._clock()
        kept = self._lists.get(pile)
        if kept is None or abs(timestamps.seconds_between(kept.at, now)) >= kept.seconds:
            reading = self._reading[pile]
            if reading.acquire(blocking=kept is None):
                try:
                    kept = self._read(pile, now)
                finally:
                    reading.release()
        with self._lock:
            return list(kept.known.values()) if kept else []

    def _read(self, pile: Pile, now: str) -> _List:
        kept = self._lists.get(pile)
        if kept is not None and kept.at >= now and self._keep:
            return kept  # Another thread read it while this one waited.
        began = time.monotonic()
        known = {one.id: one for one in self._reviews.listed(pile)}
        seconds = self._keep and max(self._keep, PATIENCE * (time.monotonic() - began))
        with self._lock:
            self._lists[pile] = kept = _List(now, seconds, known)
        return kept

    def counts(self, reviewer: str) -> Counts:
        """How much waits, and with whom."""
        now = self._clock()
        waiting = self.waiting()
        leases = [one.lease for one in waiting if one.lease is not None and not expired(one.lease, now)]
        others = [lease.until for lease in leases if lease.reviewer != reviewer]
        return Counts(
            len(waiting),
            len(others),
            len(leases) - len(others),
            len(self.waiting(Pile.HELD)),
            sum(one.free_for(reviewer, now) for one in waiting) - (len(leases) - len(others)),
            min((one.since for one in waiting), default=""),
            min(others, default=""),
        )

    def lapsed(self) -> list[tuple[str, bool, int]]:
        """Of each photo that waits: whether its lease, and how many skips, ran out; only time does that."""
        now = self._clock()
        return [
            (
                one.id,
                one.lease is not None and expired(one.lease, now),
                sum(until <= now for until in one.skipped.values()),
            )
            for one in self.waiting()
        ]

    def _proposed(self, reviewer: str, order: Order, now: str, have: Collection[str]) -> deque[Waiting]:
        """Own photos, then free ones in order, with a second look right after the first of them."""
        free = [one for one in self.waiting() if one.free_for(reviewer, now)]
        if order is Order.OLDEST:
            free.sort(key=lambda one: one.since)
        looks = [one for one in self.waiting(Pile.SECOND) if one.free_for(reviewer, now)]
        own = [one for one in (*free, *looks) if one.lease and one.lease.reviewer == reviewer]
        owned = {one.id for one in own} | set(have)
        others = [one for one in free if one.id not in owned]
        if not any(one.id in owned for one in looks):
            others[1:1] = looks[:1]
        return deque(one for one in (*own, *others) if one.id not in have)

    def _reserve(self, one: Waiting, lease: Lease, now: str) -> bool:
        """Keep this worker's other threads from trying the same photo; they may have been faster."""
        with self._lock:
            for kept in self._lists.values():
                seen = kept.known.get(one.id)
                if seen is not None and seen.free_for(lease.reviewer, now):
                    kept.known[one.id] = replace(seen, lease=lease)
                    return True
        return False

    def _freed(self, inspection_id: str, **changes: Any) -> None:
        """Let a photo that was given back be handed out at once, before the lists are read again."""
        with self._lock:
            for kept in self._lists.values():
                seen = kept.known.get(inspection_id)
                if seen is not None:
                    kept.known[inspection_id] = replace(seen, lease=None, **changes)

    def forget(self, inspection_id: str) -> None:
        """Take a photo that is decided, held or put back off the lists that are kept for a moment."""
        with self._lock:
            for kept in self._lists.values():
                kept.known.pop(inspection_id, None)
