"""The queue of open reviews: who is shown which photo next, and how it comes back when they go away."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Hold, Inspection, Lease, SecondLook
from workflow.inspections.verdict import Prediction, Verdict

LEASE_SECONDS = 300
GRACE_SECONDS = 4  # Two hosts' clocks may differ by so much before a lease could be taken too early.


class Pile(StrEnum):
    """Where a photo that persons work on is listed; the values are a key of the ledger's index `by_pile`."""

    OPEN = "open"
    HELD = "held"
    SECOND = "second"
    DISPUTED = "disputed"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A photo as the index lists it; `since` is when a person was first asked, `first_by` who decided it."""

    id: str
    rank: str
    since: str = ""
    escalated: bool = False
    lease: Lease | None = None
    hold: Hold | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    first_by: str = ""
    second: SecondLook | None = None

    def free_for(self, reviewer: str, now: str) -> bool:
        """Whether this reviewer may be shown it."""
        if self.first_by == reviewer or self.skipped.get(reviewer, "") > now:
            return False
        return self.lease is None or self.lease.reviewer == reviewer or expired(self.lease, now)


class Reviews(Protocol):
    """The rows that persons work on; every write is conditional on the row, never on the list."""

    def listed(self, pile: Pile, since: str = "") -> Iterator[Waiting]:
        """What lies on a pile, by rank, from a rank on; may lag by moments."""

    def lease(self, inspection_id: str, lease: Lease, now: str) -> Inspection | None:
        """Lease a photo that is open, or due for a second look by somebody else than who decided it.

        Returns the row, or None when the photo is not to be had: it has gone, is another's, or was skipped.
        """

    def free(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        """End this reviewer's lease, and replace what is noted of skips.

        With `until`, only a lease that ends by then: one that was renewed since stays. False when there is
        nothing to end.
        """

    def hold(self, inspection_id: str, hold: Hold, entry: AuditEntry) -> None:
        """Take an open photo out of the hand-out, audited; Conflict if it is not open, or another's."""

    def unhold(self, inspection_id: str, entry: AuditEntry) -> None:
        """Put a held photo back into the hand-out, audited; Conflict if it is not held."""

    def record_second(
        self, before: Inspection, second: SecondLook | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        """Store, replace or take back a second look, audited.

        Conflict if another one is stored meanwhile, the photo was revised, or somebody else has it leased.
        """


def pile_of(second: SecondLook | None) -> Pile:
    """Where a settled photo belongs that was drawn for a second look."""
    if second is None:
        return Pile.SECOND
    return Pile.SEEN if second.agrees or second.final else Pile.DISPUTED


def expired(lease: Lease, now: str) -> bool:
    """Whether somebody else may take it, whichever of two hosts' clocks is ahead."""
    return timestamps.later(lease.until, GRACE_SECONDS) < now


def rank(prediction: Prediction | None, opened_at: str, escalated: bool) -> str:
    """A photo's place in the queue, as a text that sorts: escalated, then likely defects, then the oldest.

    The danger is a defect that is passed as ok, so what the model takes for a defect comes before what it
    takes for ok; what it cannot judge at all comes first.
    """
    return f"{0 if escalated else 1}-{round((1 - _risk(prediction)) * 1_000_000):07d}-{opened_at}"


def _risk(prediction: Prediction | None) -> float:
    if prediction is None or prediction.verdict is Verdict.UNCLEAR:
        return 1.0
    return prediction.confidence if prediction.verdict is Verdict.DEFECT else 1 - prediction.confidence
