"""The ledger: one row per image version says what is true, and every change of it is conditional."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from workflow.errors import NotFound, OwnershipLost
from workflow.images import Image, Stored
from workflow.verdict import Prediction, Verdict


class State(StrEnum):
    """How far an inspection is; an index lists inspections by it."""

    INSPECTING = "inspecting"
    WAITING = "waiting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one unclear photo."""

    id: str
    verdict: Verdict
    reviewer: str
    decided_at: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """The question to a person: since when it is open, in which round, until when this round lasts."""

    opened_at: str
    round: int
    deadline: str
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """One row of the ledger: everything that is true of one image version.

    Times are ISO 8601 in UTC. `verdict` and `location` say where the bytes lie now; `verdict` is None as long
    as they lie where they were uploaded. `leftover` is the place they were moved from, to be deleted.
    `owner` is the name of the only execution that may act for the row, `attempted_at` since when it is.
    `size`, `etag` and `sha256` describe the bytes; `photo` holds the facts of a readable photo and
    `rejection` the reason code and sentence of one that is not, once the upload was examined. `announcement`
    is the exact message body.
    """

    id: str
    image: Image
    owner: str
    attempt: int
    state: State
    uploaded_at: str
    claimed_at: str
    attempted_at: str
    location: Image
    verdict: Verdict | None = None
    leftover: Image | None = None
    size: int = 0
    etag: str = ""
    sha256: str = ""
    photo: dict[str, Any] = field(default_factory=dict)
    rejection: dict[str, str] = field(default_factory=dict)
    prediction: Prediction | None = None
    review: Review | None = None
    decision: Decision | None = None
    announcement: str = ""
    settled_at: str = ""
    closed_at: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether the upload was deleted before anybody could examine it."""
        return self.state is State.CLOSED and self.verdict is None

    @property
    def settled(self) -> bool:
        """Whether the photo lies at its final place and only the announcement may be missing."""
        return self.verdict is not None and self.verdict is not Verdict.UNCLEAR


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to an inspection, when, and what it was before and after."""

    inspection_id: str
    at: str
    who: str
    action: str
    before: str = ""
    after: str = ""
    reason: str = ""
    decision_id: str = ""


class Ledger(Protocol):
    """The inspections' rows. Writes that name an `owner` raise OwnershipLost when the row names another."""

    def claim(self, new: Inspection) -> Inspection | None:
        """Create the row, or return the existing one if it has the same owner; None if it has another."""

    def get(self, inspection_id: str) -> Inspection | None:
        """The row, strongly consistent, or None."""

    def record_upload(
        self,
        inspection_id: str,
        owner: str,
        stored: Stored,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
    ) -> None:
        """Store the facts of the uploaded bytes, and either those of the photo or why it is none.

        Conflict if they are stored already: the photo may have been moved since.
        """

    def record_rejection(self, inspection_id: str, owner: str, rejection: dict[str, str]) -> None:
        """Store why the model refuses the photo; Conflict if an answer of the model is stored already."""

    def record_prediction(self, inspection_id: str, owner: str, prediction: Prediction) -> None:
        """Store prediction and score vector; Conflict if an answer of the model is stored already."""

    def record_filing(
        self, before: Inspection, verdict: Verdict, place: Stored, announcement: str, at: str
    ) -> None:
        """Point the row at the photo's new place; Conflict if it no longer points at the old one."""

    def record_review(self, inspection_id: str, owner: str, review: Review) -> Inspection:
        """Make the row wait for a person, unless a decision stands; return the row as it is then."""

    def decide(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        """Store decision and audit entry in one transaction; Conflict unless waiting without a decision."""

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        """Note that the verdict was announced, or the upload withdrawn; closing again changes nothing."""

    def hand_over(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        """Give the row to the next attempt's execution, unless somebody did so meanwhile."""

    def in_state(self, state: State) -> Iterator[Inspection]:
        """Rows in one state, oldest first; may lag by moments."""

    def count_recent(self, state: State, since: str, limit: int) -> int:
        """How many rows claimed since a time are in a state, counted up to `limit`; may lag by moments."""

    def newest(self, limit: int) -> list[Inspection]:
        """The newest rows, newest first; may lag by moments."""

    def by_name(self, name: str) -> list[Inspection]:
        """Rows whose image has exactly this base name, newest first; may lag by moments."""

    def audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        """What people did to one inspection, oldest first."""


def owned(ledger: Ledger, inspection_id: str, owner: str) -> Inspection:
    """The row, if this execution owns it; OwnershipLost otherwise."""
    row = ledger.get(inspection_id)
    if row is None:
        raise NotFound(f"inspection {inspection_id}: the ledger has no row")
    if row.owner != owner:
        raise OwnershipLost(f"inspection {inspection_id} belongs to {row.owner}, not to {owner}")
    return row
