"""An inspection: one row per image version, with its review, decisions, and audit trail."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from workflow.inspections.objects import Image, InspectionId
from workflow.inspections.verdict import Prediction, Verdict
from workflow.photos.measures import PhotoMeasures

ExecutionName = NewType("ExecutionName", str)
UPLOAD_DELETED = "model_unreadable_object"


class InspectionState(StrEnum):
    """The progress of an inspection. An index lists inspections by it.

    A PARKED one waits for its model and does not count for backpressure. A WAITING one waits for a person.
    """

    INSPECTING = "inspecting"
    PARKED = "parked"
    WAITING = "waiting"
    CLOSED = "closed"


UNJUDGED_STATES = (InspectionState.INSPECTING, InspectionState.PARKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's decision about one photo.

    It takes effect at `effective_at` or later. Its reviewer can undo it until it is `finalized`.
    `delivered_at` is when the waiting execution received it; empty if the execution read it from the row.
    """

    id: str
    verdict: Verdict
    reviewer: str
    decided_at: str
    reason: str = ""
    defect_class: str = ""
    effective_at: str = ""
    finalized: bool = False
    delivered_at: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A reviewer's exclusive view of a photo, and when it ends."""

    reviewer: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A photo on hold, which is shown to no reviewer: who held it, when, and why."""

    reviewer: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReview:
    """A second person's verdict on a settled photo, given without seeing the first.

    `first_decided_by` is a reviewer's name, or `model`. If the two verdicts differ, `adjudicated_by` ends the
    dispute with `final_verdict`.
    """

    id: str
    verdict: Verdict
    reviewer: str
    at: str
    first_verdict: Verdict
    first_decided_by: str
    defect_class: str = ""
    reason: str = ""
    adjudicated_by: str = ""
    adjudicated_at: str = ""
    final_verdict: Verdict | None = None

    @property
    def agrees(self) -> bool:
        """Return True if both verdicts are the same."""
        return self.verdict is self.first_verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A request for a person's decision: when it was opened, its round, and the deadline of this round."""

    opened_at: str
    round: int
    deadline: str
    escalated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWait:
    """A parked photo's wait for the model: since when, until when at most, and why.

    `broken` means that the model's start does not end it: a person must repair the configuration.
    """

    since: str
    until: str
    reason: str
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousRevision:
    """The outcome of an earlier revision of an inspection."""

    revision: int
    verdict: Verdict
    settled_at: str
    execution: str
    prediction: Prediction | None = None
    decision: Decision | None = None
    rejection: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """One row of the inspections table: the state of one image version.

    Times are ISO 8601 in UTC. `verdict` and `location` tell where the photo is now. `verdict` is None while
    it is where it was uploaded. `pending_delete` is the version it was moved from, which must be deleted.
    `owner` is the name of the only execution that may act for the row, since `attempted_at`. `size`, `etag`
    and `sha256` describe the bytes, and `camera` is the camera that the object's metadata names. Validation
    stores either `photo`, the properties of a valid photo, or `rejection`, the reason code and the sentence.
    `measures` describe a valid photo, without its descriptor; `unmeasurable` is the reason if they could not
    be taken. `announcement` is the exact message body.
    An override or a reinspection of a closed inspection begins the next `revision`, whose first attempt is
    `first_attempt`; `previous_revisions` holds the outcomes of the others. `skipped` maps a reviewer to the
    time until which they are not shown the photo again. `undone_ids` are the ids of undone decisions and
    second reviews. `recovered` marks an object that was found in the filed bucket without a row: it is the
    image itself, and a person decides it where it lies. `model_wait` is the latest wait for the model, which
    lasts while the state is PARKED.
    """

    id: InspectionId
    image: Image
    owner: ExecutionName
    attempt: int
    state: InspectionState
    uploaded_at: str
    claimed_at: str
    attempted_at: str
    location: Image
    verdict: Verdict | None = None
    pending_delete: Image | None = None
    size: int = 0
    etag: str = ""
    sha256: str = ""
    camera: str = ""
    photo: dict[str, Any] = field(default_factory=dict)
    rejection: dict[str, str] = field(default_factory=dict)
    measures: PhotoMeasures | None = None
    unmeasurable: str = ""
    prediction: Prediction | None = None
    review: Review | None = None
    decision: Decision | None = None
    announcement: str = ""
    settled_at: str = ""
    closed_at: str = ""
    revision: int = 1
    first_attempt: int = 1
    previous_revisions: tuple[PreviousRevision, ...] = ()
    lease: Lease | None = None
    hold: Hold | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    undone_ids: tuple[str, ...] = ()
    second_review: SecondReview | None = None
    recovered: bool = False
    model_wait: ModelWait | None = None

    @property
    def withdrawn(self) -> bool:
        """Return True if the upload was deleted before it had a verdict."""
        return self.state is InspectionState.CLOSED and self.verdict is None

    @property
    def upload_deleted(self) -> bool:
        """Return True if the upload was deleted after its validation and before the model saw it."""
        return self.verdict is None and self.rejection.get("code") == UPLOAD_DELETED

    @property
    def settled(self) -> bool:
        """Return True if this revision's verdict is filed and its announcement stored."""
        return bool(self.announcement)

    @property
    def revision_attempts(self) -> int:
        """Return the number of attempts at this revision so far."""
        return self.attempt - self.first_attempt + 1

    @property
    def revision_started_at(self) -> str:
        """Return when this revision was requested: the row's creation, or a later revision's attempt."""
        return self.claimed_at if self.revision == 1 else self.attempted_at

    @property
    def awaits_decision(self) -> bool:
        """Return True if the review is open and has no decision."""
        return self.state is InspectionState.WAITING and self.decision is None


class AuditAction(StrEnum):
    """The actions of the audit trail. The values are stored in entries that nothing may change."""

    DECIDE = "decide"
    UNDO = "undo"
    SECOND_REVIEW = "second review"
    CONFIRM = "confirm"
    OVERRIDE = "override"
    REINSPECT = "reinspect"
    HOLD = "hold"
    RELEASE_HOLD = "unhold"
    CONFLICT = "conflict"
    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"
    REQUEST_REDRIVE = "request: redrive"
    REQUEST_STOP = "request: stop"
    REQUEST_REINSPECT = "request: reinspect"
    CHANGE_CAMERA = "change camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry of the audit trail: who did what to an inspection, when, and the verdict before and after."""

    inspection_id: str
    at: str
    actor: str
    action: AuditAction
    before: str = ""
    after: str = ""
    reason: str = ""
    decision_id: str = ""
    defect_class: str = ""
