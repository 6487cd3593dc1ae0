"""The kinds of inconsistency and their remedies."""

from dataclasses import dataclass
from enum import StrEnum

from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, InspectionId


class IssueKind(StrEnum):
    """The kinds of inconsistency."""

    MISSED_UPLOAD = "missed upload"
    ORPHANED_INSPECTION = "orphaned inspection"
    UNDELIVERED = "undelivered decision"
    MISSED_WAKE = "missed wake-up"
    MISSING_OBJECT = "missing object"
    PENDING_DELETE = "pending delete"
    UNREFERENCED_COPY = "unreferenced copy"
    UNKNOWN_OBJECT = "unknown object"
    LOST_ROW = "lost row"


REMEDIES = {
    IssueKind.MISSED_UPLOAD: "reconcile starts its inspection",
    IssueKind.ORPHANED_INSPECTION: "reconcile starts the next attempt",
    IssueKind.UNDELIVERED: "reconcile delivers it again",
    IssueKind.MISSED_WAKE: "reconcile lets its execution ask the model",
    IssueKind.MISSING_OBJECT: "look for the photo's versions in both buckets and restore them",
    IssueKind.PENDING_DELETE: "reconcile deletes it: the row points at the copy",
    IssueKind.UNREFERENCED_COPY: "reconcile deletes it: the row points elsewhere",
    IssueKind.UNKNOWN_OBJECT: "reconcile adopts it, and a person decides it: nothing deletes it",
    IssueKind.LOST_ROW: "restore the inspections table from its backup",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One inconsistency; `image` is the affected version."""

    kind: IssueKind
    inspection_id: InspectionId
    image: Image
    reason: str
    row: Inspection | None = None
    uploaded_at: str = ""

    @property
    def remedy(self) -> str:
        """The action that repairs it."""
        return REMEDIES[self.kind]
