"""From an uploaded image version to a running execution that owns its ledger row."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from workflow import timestamps
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, Ledger, State, check_withdrawable, owned
from workflow.inspections.objects import Image, Shelf, inspection_id
from workflow.photos.validation import MAX_BYTES, Photo, examine, examine_size

IN_FLIGHT_SECONDS = 600
MAX_ATTEMPTS = 10
LONGEST_REST = 12  # 34 hours; people may start what they like as often as they like.
ALIVE = ("RUNNING", "PENDING_REDRIVE")


class Executions(Protocol):
    """The executions of the state machine."""

    def start(self, name: str, document: dict[str, Any]) -> bool:
        """Start an execution; False when one of this name exists or existed."""

    def status(self, name: str) -> str | None:
        """RUNNING, PENDING_REDRIVE, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, or None: nobody remembers it."""

    def running(self) -> set[str]:
        """The names of all running executions."""

    def succeed(self, token: str, output: dict[str, Any]) -> bool:
        """Answer a task token; False when it is used, expired or unknown (nobody can tell which)."""


def execution_name(inspection: str, attempt: int) -> str:
    """The name of one attempt at an inspection: the id (64 hex) and the attempt, at most 80 characters."""
    return f"{inspection}-{attempt}"


def document(image: Image, uploaded_at: str, attempt: int) -> dict[str, Any]:
    """The input of an execution, with its own name: the owner that its steps act for."""
    return {
        "inspection_id": inspection_id(image),
        "execution": execution_name(inspection_id(image), attempt),
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id},
        "uploaded_at": uploaded_at,
        "attempt": attempt,
    }


def start(executions: Executions, ledger: Ledger, image: Image, uploaded_at: str) -> str | None:
    """Enter an image version in the ledger and start its inspection; return the execution's name if new.

    The row is made first: whatever dies between the two, the photo is on the books, and a repeated event or
    reconcile starts the execution that the row names. A photo that has a later attempt is left alone.
    """
    row = entered(ledger, new_row(image, execution_name(inspection_id(image), 1), 1, uploaded_at))
    if row is None or row.state is not State.INSPECTING:
        return None
    return row.owner if executions.start(row.owner, document(image, row.uploaded_at, 1)) else None


def restart(ledger: Ledger, executions: Executions, row: Inspection, limit: int = MAX_ATTEMPTS) -> bool:
    """Start an inspection again: a forgotten execution by its own name, an ended one as the next attempt.

    The row is handed over before the start, so that an attempt that was given up cannot act any more.
    False after `limit` attempts at one revision: it is left for a person to redrive.
    """
    owner, attempt = row.owner, row.attempt
    if executions.status(owner) is not None:
        owner, attempt = execution_name(row.id, row.attempt + 1), row.attempt + 1
        if row.tries >= limit:
            return False
        if not ledger.hand_over(row, owner, attempt, timestamps.now()):
            return True
    executions.start(owner, document(row.image, row.uploaded_at, attempt))
    return True


def rested(row: Inspection) -> bool:
    """Whether the next attempt is due: at once after the first, then after 1, 3, 7, … minutes."""
    minutes = 2 ** (min(row.tries, LONGEST_REST) - 1) - 1
    return timestamps.later(row.attempted_at, 60 * minutes) <= timestamps.now()


def entered(ledger: Ledger, new: Inspection) -> Inspection | None:
    """The row of an image version, made if there is none; None if it has another owner.

    Nothing is written where there is one: a repeated event must leave no trace in what was closed and kept.
    """
    known = ledger.get(new.id)
    if known is None:
        return ledger.claim(new)
    return known if known.owner == new.owner else None


def new_row(image: Image, owner: str, attempt: int, uploaded_at: str) -> Inspection:
    """The ledger row of an image version that nobody examined yet."""
    now = timestamps.now()
    return Inspection(
        id=inspection_id(image),
        image=image,
        owner=owner,
        attempt=attempt,
        state=State.INSPECTING,
        uploaded_at=uploaded_at,
        claimed_at=now,
        attempted_at=now,
        location=image,
    )


def uploaded(event: Mapping[str, Any], shelf: Shelf) -> Iterator[tuple[Image, str]]:
    """The image versions that an EventBridge event of S3 speaks of, each with its time of upload.

    The key in the event is raw text. Where the event names no version, every version under its key is meant:
    starting an inspection twice is harmless, and missing one is not.
    """
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    version = event["detail"]["object"].get("version-id")
    if version:
        yield Image(bucket, key, version), event["time"]
        return
    for stored in shelf.everything(bucket, prefix=key):
        if stored.image.key == key:
            yield stored.image, stored.modified_at


def wait_for_room(
    ledger: Ledger, limit: int, time_left: Callable[[], bool], sleep: Callable[[float], None]
) -> None:
    """Hold a new inspection back while `limit` others are in flight, as long as there is time to wait.

    A brake, not a wall: inspections that got stuck must not stop the line, so only those of the last minutes
    count, and when time is up the inspection starts anyway.
    """
    while time_left():
        since = timestamps.later(timestamps.now(), -IN_FLIGHT_SECONDS)
        if ledger.count_recent(State.INSPECTING, since, limit) < limit:
            return
        sleep(0.2)


def claim(ledger: Ledger, shelf: Shelf, image: Image, owner: str, attempt: int, uploaded_at: str) -> str:
    """Claim an image version for an execution and examine its bytes.

    Returns `readable`, `unreadable` (the ledger says why), `decided` (a person's decision stands, and only
    has to be carried out), `vanished` (the version no longer exists and was never examined), or `refused`
    (another execution owns it).
    """
    row = entered(ledger, new_row(image, owner, attempt, uploaded_at))
    if row is None:
        return "refused"
    if outcome := _examined(row):
        return outcome
    try:
        return _examine(ledger, shelf, row)
    except Conflict:
        # Another run of this same step was faster; the photo may be on its way already.
        if outcome := _examined(owned(ledger, row.id, owner)):
            return outcome
        raise


def _examined(row: Inspection) -> str:
    """What an earlier examination found, or a person decided; empty when there was neither."""
    if row.decision is not None and row.decision.sealed:
        return "decided"
    if row.rejection and not row.gone:
        return "unreadable"
    return "readable" if row.photo else ""


def _examine(ledger: Ledger, shelf: Shelf, row: Inspection) -> str:
    found = shelf.fetch(row.location, MAX_BYTES)
    if found is None:
        return _examined(owned(ledger, row.id, row.owner)) or _withdrawn(ledger, row)
    stored, content = found
    result = examine_size(stored.size) if content is None else examine(content)
    sha256 = "" if content is None else hashlib.sha256(content).hexdigest()
    if isinstance(result, Photo):
        ledger.record_upload(row.id, row.owner, stored, sha256, _facts(result), {})
        return "readable"
    if result is None:
        raise RuntimeError(f"{row.image.key}: {stored.size} bytes were not delivered")
    rejection = {"code": result.code.value, "detail": result.detail}
    ledger.record_upload(row.id, row.owner, stored, sha256, {}, rejection)
    return "unreadable"


def _withdrawn(ledger: Ledger, row: Inspection) -> str:
    check_withdrawable(row)
    ledger.close(row.id, row.owner, timestamps.now())
    return "vanished"


def _facts(photo: Photo) -> dict[str, Any]:
    return {
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "orientation": photo.orientation,
    }
