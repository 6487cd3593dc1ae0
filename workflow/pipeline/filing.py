"""Filing: move a photo to the location of its verdict, in an order in which nothing can be lost."""

from dataclasses import replace
from enum import StrEnum
from typing import TypedDict

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import ExecutionName, Inspection
from workflow.inspections.objects import (
    MAX_COPY_BYTES,
    Image,
    InspectionId,
    ObjectStore,
    StoredObject,
    copy_once,
)
from workflow.inspections.repository import DecisionRepository, InspectionDatabase, require_owner
from workflow.inspections.undo_window import finalize
from workflow.inspections.verdict import Verdict
from workflow.pipeline import verdict_message

MAX_NAME_BYTES = 200


class FilingTarget(StrEnum):
    """The target of a state `Move to …`: a verdict, or the verdict of the person's decision."""

    OK = Verdict.OK
    DEFECT = Verdict.DEFECT
    UNCLEAR = Verdict.UNCLEAR
    REJECTED = Verdict.REJECTED
    REVIEWED = "reviewed"


class FilingDocument(TypedDict):
    """The part `$.filed` of the execution's document: the photo's location, and the text to announce."""

    verdict: Verdict | None
    bucket: str
    key: str
    announcement: str


def file_photo(
    inspections: InspectionDatabase,
    objects: ObjectStore,
    bucket: str,
    inspection_id: InspectionId,
    owner: ExecutionName,
    target: FilingTarget,
) -> FilingDocument:
    """Copy the photo, point the row at the copy, then delete the original. Repeating it changes nothing.

    A photo whose verdict is settled keeps its location, with any target, until the next revision. Raise
    Raise Conflict if a person decides about the photo and the decision is missing or not final.
    """
    row = require_owner(inspections, inspection_id, owner)
    verdict = _target_verdict(inspections, row, target)
    if not row.settled and (row.verdict is not verdict or verdict is not Verdict.UNCLEAR):
        if row.review is not None and target is not FilingTarget.REVIEWED:
            raise Conflict(f"inspection {row.id}: a person was asked, so only a decision can file it")
        row = _move(inspections, objects, bucket, row, verdict)
    if row.pending_delete is not None:
        objects.delete(row.pending_delete)
    return {
        "verdict": row.verdict,
        "bucket": row.location.bucket,
        "key": row.location.key,
        "announcement": row.announcement,
    }


def _target_verdict(inspections: DecisionRepository, row: Inspection, target: FilingTarget) -> Verdict:
    if target is not FilingTarget.REVIEWED:
        return Verdict(target)
    if row.decision is None or not (row.settled or finalize(inspections, row, timestamps.now())):
        raise Conflict(f"inspection {row.id}: it has no decision, or its decision can still be undone")
    return row.decision.verdict


def _announce(
    inspections: InspectionDatabase, row: Inspection, verdict: Verdict, location: Image, at: str
) -> str:
    superseded = verdict_message.find_superseded(inspections, row)
    return verdict_message.build_message(row, verdict, location, at, superseded)


def _move(
    inspections: InspectionDatabase, objects: ObjectStore, bucket: str, row: Inspection, verdict: Verdict
) -> Inspection:
    target = StoredObject(image=row.location, size=row.size, etag=row.etag)
    # If a revision keeps the verdict, nothing moves. Nor does a rejected file that S3 cannot copy at once.
    if row.verdict is not verdict and not (verdict is Verdict.REJECTED and row.size > MAX_COPY_BYTES):
        key = filed_key(verdict, row.id, row.image.key, row.revision)
        target = copy_once(objects, target, bucket, key, row.sha256)
    at = timestamps.now()
    text = "" if verdict is Verdict.UNCLEAR else _announce(inspections, row, verdict, target.image, at)
    try:
        inspections.record_filing(row, verdict, target, text, at)
    except Conflict:
        # A concurrent run of this state was faster; the row holds the photo's location.
        moved = require_owner(inspections, row.id, row.owner)
        if moved.location == row.location and not moved.settled:
            raise
        return moved
    pending_delete = row.pending_delete if target.image == row.location else row.location
    return replace(
        row, verdict=verdict, location=target.image, pending_delete=pending_delete, announcement=text
    )


def filed_key(verdict: Verdict, inspection: str, key: str, revision: int = 1) -> str:
    """Return `<verdict>/<id, 16 hex>/<base name>`, which is unique for a version and fits S3's key limit.

    A later revision adds its number to the id, so that it never adopts an abandoned copy of another revision.
    """
    name = key.rstrip("/").rsplit("/", 1)[-1]
    folder = inspection[:16] if revision == 1 else f"{inspection[:16]}-{revision}"
    return f"{verdict}/{folder}/{_shortened(name)}"


def _shortened(name: str) -> str:
    """Shorten the name to at most 200 bytes of UTF-8. Keep its extension and whole characters."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    available = MAX_NAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:available].decode(errors="ignore") + dot + extension
