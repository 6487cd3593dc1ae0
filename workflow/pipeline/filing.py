"""Moving a photo to the place its verdict names, in an order in which nothing can be lost."""

from dataclasses import replace
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, Ledger, owned
from workflow.inspections.objects import Shelf, Stored, copy_once, filed_key
from workflow.inspections.undo_window import seal
from workflow.inspections.verdict import Verdict
from workflow.pipeline import verdict_message

REVIEWED = "reviewed"


def file(
    ledger: Ledger, shelf: Shelf, bucket: str, inspection_id: str, owner: str, wanted: str
) -> dict[str, Any]:
    """Copy the photo, point the ledger at the copy, delete the original; repeat it as often as you like.

    `wanted` is a verdict, or `reviewed` for what the person decided. A photo whose verdict is settled stays
    where it is whatever is wanted, until the next revision. Returns the `$.filed` part of the execution's
    document.
    """
    row = owned(ledger, inspection_id, owner)
    verdict = _verdict(ledger, row, wanted)
    if not row.settled and (row.verdict is not verdict or verdict is not Verdict.UNCLEAR):
        if row.review is not None and wanted != REVIEWED:
            raise Conflict(f"inspection {row.id}: a person was asked, so only a decision can file it")
        row = _move(ledger, shelf, bucket, row, verdict)
    if row.leftover is not None:
        shelf.delete(row.leftover)
    return {
        "verdict": row.verdict,
        "bucket": row.location.bucket,
        "key": row.location.key,
        "announcement": row.announcement,
    }


def _verdict(ledger: Ledger, row: Inspection, wanted: str) -> Verdict:
    if wanted != REVIEWED:
        return Verdict(wanted)
    if row.decision is None or not (row.settled or seal(ledger, row, timestamps.now())):
        raise Conflict(f"inspection {row.id}: nobody decided it yet, or it can still be taken back")
    return row.decision.verdict


def _move(ledger: Ledger, shelf: Shelf, bucket: str, row: Inspection, verdict: Verdict) -> Inspection:
    place = Stored(row.location, row.size, row.etag)
    if row.verdict is not verdict:  # Another revision may come to the same verdict: then nothing moves.
        key = filed_key(verdict, row.id, row.image.key, row.revision)
        place = copy_once(shelf, place, bucket, key, row.sha256)
    at = timestamps.now()
    text = "" if verdict is Verdict.UNCLEAR else verdict_message.body(row, verdict, place.image, at)
    try:
        ledger.record_filing(row, verdict, place, text, at)
    except Conflict:
        # Another run of this same step was faster; the row says where the photo lies now.
        moved = owned(ledger, row.id, row.owner)
        if moved.location == row.location and not moved.settled:
            raise
        return moved
    leftover = row.leftover if place.image == row.location else row.location
    return replace(row, verdict=verdict, location=place.image, leftover=leftover, announcement=text)
