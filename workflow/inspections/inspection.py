"""The ledger: one row per image version says what is true, and every change of it is conditional."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from workflow.errors import NotFound, OwnershipLost
from workflow.inspections.objects import Image, Stored
from workflow.inspections.verdict import Prediction, Verdict

GONE = "model_unreadable_object"
MOST_OF_A_NAME = 200  # A camera may call every photo the same.


class State(StrEnum):
    """How far an inspection is; an index lists inspections by it."""

    INSPECTING = "inspecting"
    WAITING = "waiting"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about one photo.

    It is not acted on before `release_at`; until it is `sealed` who took it may take it back. `sent_at` is
    when the waiting execution was told, empty if it learned it otherwise.
    """

    id: str
    verdict: Verdict
    reviewer: str
    decided_at: str
    reason: str = ""
    defect_class: str = ""
    release_at: str = ""
    sealed: bool = False
    sent_at: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who looks at a photo, and until when nobody else is shown it."""

    reviewer: str
    until: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Who took a photo out of the hand-out, when, and why."""

    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second person said of a settled photo without seeing the first answer.

    `first_by` is a reviewer's name, or `model`. Where the two differ, `adjudicated_by` is who ended the
    dispute and `final` what it ended with.
    """

    id: str
    verdict: Verdict
    reviewer: str
    at: str
    first_verdict: Verdict
    first_by: str
    defect_class: str = ""
    reason: str = ""
    adjudicated_by: str = ""
    adjudicated_at: str = ""
    final: Verdict | None = None

    @property
    def agrees(self) -> bool:
        """Whether both said the same."""
        return self.verdict is self.first_verdict


@dataclass(frozen=True, slots=True)
class Review:
    """The question to a person: since when it is open, in which round, until when this round lasts."""

    opened_at: str
    round: int
    deadline: str
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an earlier revision of an inspection ended."""

    revision: int
    verdict: Verdict
    settled_at: str
    execution: str
    prediction: Prediction | None = None
    decision: Decision | None = None
    rejection: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inspection:
    """One row of the ledger: everything that is true of one image version.

    Times are ISO 8601 in UTC. `verdict` and `location` say where the bytes lie now; `verdict` is None as long
    as they lie where they were uploaded. `leftover` is the place they were moved from, to be deleted.
    `owner` is the name of the only execution that may act for the row, `attempted_at` since when it is.
    `size`, `etag` and `sha256` describe the bytes; `photo` holds the facts of a readable photo and
    `rejection` the reason code and sentence of one that is not, once the upload was examined. `announcement`
    is the exact message body.
    A verdict that was closed is revised, by a correction or another inspection, as the next `revision`, which
    began with the attempt `first_attempt`; `earlier` tells how those before it ended. `skipped` says until
    when a photo is not shown again to whom, `undone` are the ids of decisions that were taken back.
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
    revision: int = 1
    first_attempt: int = 1
    earlier: tuple[Outcome, ...] = ()
    lease: Lease | None = None
    hold: Hold | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    undone: tuple[str, ...] = ()
    second: SecondLook | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether the upload was deleted before anybody could judge it."""
        return self.state is State.CLOSED and self.verdict is None

    @property
    def gone(self) -> bool:
        """Whether the upload was deleted after it was examined and before the model saw it."""
        return self.verdict is None and self.rejection.get("code") == GONE

    @property
    def settled(self) -> bool:
        """Whether the photo lies where this revision's verdict says, and that is written to be announced."""
        return bool(self.announcement)

    @property
    def tries(self) -> int:
        """How many attempts this revision needed so far."""
        return self.attempt - self.first_attempt + 1

    @property
    def asked_at(self) -> str:
        """Since when this revision wants a verdict: its entry in the ledger, or the later wish."""
        return self.claimed_at if self.revision == 1 else self.attempted_at

    @property
    def open(self) -> bool:
        """Whether a person is asked and nobody answered."""
        return self.state is State.WAITING and self.decision is None


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
    defect_class: str = ""


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
        """Point the row at the photo's place; Conflict if it was moved, or announced, meanwhile."""

    def record_review(self, inspection_id: str, owner: str, review: Review, rank: str) -> Inspection:
        """Make the row wait for a person, at this rank, unless a decision stands or a later round began.

        Returns the row as it is then.
        """

    def decide(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        """Store decision and audit entry in one transaction.

        Conflict unless the row waits without decision, hold or somebody else's lease, and never had this one.
        """

    def undo(self, before: Inspection, lease: Lease, rank: str, entry: AuditEntry) -> None:
        """Take the row's decision back and lease the open photo, with the audit entry, in one transaction.

        Conflict if that decision is sealed or gone.
        """

    def seal(self, inspection_id: str, decision_id: str) -> bool:
        """Make a decision irrevocable; False when it does not stand any more."""

    def record_sent(self, inspection_id: str, decision_id: str, at: str) -> None:
        """Note when the execution was told a decision, unless it is applied, or does not stand any more."""

    def revise(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        """Turn a closed row into its next revision, with the audit entry, in one transaction.

        Conflict if the row is not closed any more, or was revised meanwhile.
        """

    def note(self, entry: AuditEntry) -> None:
        """Add an entry to the audit trail that changes nothing."""

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        """Note that the verdict was announced, or the upload withdrawn; closing again changes nothing."""

    def hand_over(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        """Give the row to the next attempt's execution, unless somebody did so meanwhile."""

    def in_state(self, state: State) -> Iterator[Inspection]:
        """Rows in one state, oldest first; may lag by moments."""

    def oldest(self, state: State) -> Inspection | None:
        """The row that is in a state and was claimed first, or None; may lag by moments."""

    def decided(self, limit: int) -> Iterator[Inspection]:
        """Rows in state waiting that a person decided, among the `limit` oldest; may lag by moments."""

    def count_recent(self, state: State, since: str, limit: int) -> int:
        """How many rows claimed since a time are in a state, counted up to `limit`; may lag by moments."""

    def newest(self, limit: int) -> list[Inspection]:
        """The newest rows, newest first; may lag by moments."""

    def by_name(self, name: str, limit: int = MOST_OF_A_NAME) -> list[Inspection]:
        """The newest rows whose image has exactly this base name, newest first; may lag by moments."""

    def audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        """What people did to one inspection, oldest first."""

    def audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        """What people did on a day (2026-01-31, UTC) from a moment on; may lag by moments."""


def known(ledger: Ledger, inspection_id: str) -> Inspection:
    """The row; NotFound if there is none."""
    row = ledger.get(inspection_id)
    if row is None:
        raise NotFound(f"inspection {inspection_id}: the ledger has no row")
    return row


def check_withdrawable(row: Inspection) -> None:
    """NotFound if what is gone was filed: an upload may be withdrawn, but a filed photo is lost."""
    if row.verdict is not None:
        raise NotFound(f"{row.image.key}: nothing lies at {row.location.bucket}/{row.location.key} any more")


def owned(ledger: Ledger, inspection_id: str, owner: str) -> Inspection:
    """The row, if this execution owns it; OwnershipLost otherwise."""
    row = known(ledger, inspection_id)
    if row.owner != owner:
        raise OwnershipLost(f"inspection {inspection_id} belongs to {row.owner}, not to {owner}")
    return row
