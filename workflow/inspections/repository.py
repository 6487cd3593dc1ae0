"""The repository of inspections: one row per image version, changed only by conditional writes."""

from collections.abc import Iterator
from typing import Any, Protocol

from workflow.errors import NotFound, OwnershipLost
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    ExecutionName,
    Inspection,
    InspectionState,
    Lease,
    ModelWait,
    Review,
)
from workflow.inspections.objects import InspectionId, StoredObject
from workflow.inspections.verdict import Prediction, Verdict
from workflow.photos.measures import PhotoMeasures, UnmeasurablePhoto
from workflow.timestamps import Timestamp

MAX_NAME_MATCHES = 200  # A camera may give every photo the same name.


class InspectionRepository(Protocol):
    """The inspections' rows. Writes that name an `owner` raise OwnershipLost if the row names another."""

    def claim(self, new: Inspection) -> Inspection | None:
        """Create the row, or return the existing row. Return None if that has another owner.

        An existing row is not written: a repeated event must not change a row that is closed and archived.
        """

    def get(self, inspection_id: InspectionId) -> Inspection | None:
        """Return the row, strongly consistent, or None."""

    def record_upload(
        self,
        inspection_id: InspectionId,
        owner: ExecutionName,
        stored: StoredObject,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
        measures: PhotoMeasures | UnmeasurablePhoto | None = None,
    ) -> None:
        """Store size, ETag and hash of the upload, and either the photo's properties or its rejection.

        A valid photo has its measures, or the reason why they could not be taken. Raise Conflict if the
        properties are stored already: the photo may have been moved since.
        """

    def record_measures(
        self, inspection_id: InspectionId, owner: ExecutionName, measures: PhotoMeasures | UnmeasurablePhoto
    ) -> None:
        """Store the measures of a photo that was validated before; they replace earlier ones."""

    def get_descriptor(self, inspection_id: InspectionId, decoder_version: int) -> tuple[float, ...]:
        """Return the descriptor that this version of the decoder measured; empty if there is none."""

    def record_rejection(
        self, inspection_id: InspectionId, owner: ExecutionName, rejection: dict[str, str]
    ) -> None:
        """Store why the model refuses the photo. Raise Conflict if an answer of the model is stored."""

    def record_prediction(
        self, inspection_id: InspectionId, owner: ExecutionName, prediction: Prediction
    ) -> None:
        """Store prediction and score vector. Raise Conflict if an answer of the model is stored."""

    def park(self, inspection_id: InspectionId, owner: ExecutionName, wait: ModelWait) -> None:
        """Set the row to wait for the model. Raise Conflict if an answer of the model is stored."""

    def unpark(self, before: Inspection) -> None:
        """Put a parked row back in flight, unless this wait of it has ended already."""

    def record_filing(
        self, before: Inspection, verdict: Verdict, location: StoredObject, announcement: str, at: str
    ) -> None:
        """Point the row at the photo's location. Raise Conflict if it was moved or announced meanwhile."""

    def record_revision(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        """Replace a closed row by its next revision, with the audit entry, in one transaction.

        Raise Conflict if the row is not closed any more, or was revised meanwhile.
        """

    def close(self, inspection_id: InspectionId, owner: ExecutionName, at: Timestamp) -> None:
        """Record that the verdict was announced, or the upload withdrawn. Closing again changes nothing."""

    def transfer_ownership(
        self, before: Inspection, owner: ExecutionName, attempt: int, at: Timestamp
    ) -> bool:
        """Give the row to the next attempt's execution, in flight. Return False if it changed meanwhile."""


class DecisionRepository(InspectionRepository, Protocol):
    """The inspections' rows with their reviews and decisions."""

    def record_review(
        self, inspection_id: InspectionId, owner: ExecutionName, review: Review, priority: str
    ) -> Inspection:
        """Set the row to wait for a person, with this priority, unless a decision or a later round exists.

        Return the row as it is then.
        """

    def record_decision(self, inspection_id: InspectionId, decision: Decision, entry: AuditEntry) -> None:
        """Store decision and audit entry in one transaction.

        Raise Conflict unless the row waits without decision, hold or another reviewer's lease, and this
        decision was never undone.
        """

    def undo_decision(self, before: Inspection, lease: Lease, priority: str, entry: AuditEntry) -> None:
        """Remove the row's decision and lease the open photo, with the audit entry, in one transaction.

        Raise Conflict if that decision is final or replaced.
        """

    def finalize(self, inspection_id: InspectionId, decision_id: str) -> bool:
        """Make a decision final. Return False if the row no longer has it."""

    def record_delivery(self, inspection_id: InspectionId, decision_id: str, at: Timestamp) -> None:
        """Store when the execution received the decision, unless it is applied, or the row has another."""


class InspectionQueries(Protocol):
    """Lists and counts of inspections. Each may lag by moments, as its index does."""

    def list_by_state(self, state: InspectionState) -> Iterator[Inspection]:
        """Yield the rows in one state, oldest first."""

    def list_by_id(self, after: str = "") -> Iterator[Inspection]:
        """Yield all rows in the order of their ids, or those whose id comes after a text."""

    def get_oldest(self, state: InspectionState) -> Inspection | None:
        """Return the row in a state that was claimed first, or None. It may lag by moments."""

    def list_decided(self, limit: int) -> Iterator[Inspection]:
        """Yield the waiting rows that have a decision, among the `limit` oldest waiting rows."""

    def count_recent(self, state: InspectionState, since: str, limit: int) -> int:
        """Count the rows in a state that were claimed since a time, up to `limit`. It may lag by moments."""

    def list_newest(self, limit: int) -> list[Inspection]:
        """Return the newest rows, newest first."""

    def list_by_name(self, name: str, limit: int = MAX_NAME_MATCHES, until: str = "") -> list[Inspection]:
        """Return the newest rows whose image has exactly this base name, newest first.

        With `until` only those that were claimed at this time or before.
        """


class AuditLog(Protocol):
    """The audit trail."""

    def append_audit_entry(self, entry: AuditEntry) -> None:
        """Append an entry to the audit trail that changes no row."""

    def get_audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        """Return the audit trail of one inspection, oldest first, strongly consistent."""

    def list_audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        """Yield the audit trail of a day (2026-01-31, UTC) from a time on."""


class InspectionDatabase(DecisionRepository, InspectionQueries, AuditLog, Protocol):
    """The inspections' rows, queries and audit trail, for those who need more than one of them."""


def get_or_raise(inspections: InspectionRepository, inspection_id: InspectionId) -> Inspection:
    """Return the row. Raise NotFound if there is none."""
    row = inspections.get(inspection_id)
    if row is None:
        raise NotFound(f"inspection {inspection_id}: the inspections table has no row")
    return row


def require_owner(
    inspections: InspectionRepository, inspection_id: InspectionId, owner: ExecutionName
) -> Inspection:
    """Return the row if this execution owns it. Raise OwnershipLost otherwise."""
    row = get_or_raise(inspections, inspection_id)
    if row.owner != owner:
        raise OwnershipLost(f"inspection {inspection_id} belongs to {row.owner}, not to {owner}")
    return row


def get_or_create(inspections: InspectionRepository, new: Inspection) -> Inspection | None:
    """Return the row of an image version, created if there is none. Return None if it has another owner.

    It reads first: with a row that exists already, as in most calls, that is less than an attempt to write.
    """
    existing = inspections.get(new.id)
    if existing is None:
        return inspections.claim(new)
    return existing if existing.owner == new.owner else None


def check_withdrawable(row: Inspection) -> None:
    """Raise NotFound if the missing photo was filed: an upload can be withdrawn, a filed photo is lost."""
    if row.verdict is not None:
        raise NotFound(f"{row.image.key}: no object at {row.location.bucket}/{row.location.key}")
