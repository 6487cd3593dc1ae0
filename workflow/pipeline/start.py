"""Starting inspections: from an uploaded image version to a running execution that owns its row."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from workflow import timestamps
from workflow.inspections.inspection import ExecutionName, Inspection, InspectionState
from workflow.inspections.objects import Image, ObjectStore, inspection_id
from workflow.inspections.repository import InspectionQueries, InspectionRepository
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import Executions, execution_input, execution_name

BACKPRESSURE_WINDOW_SECONDS = 600
MAX_ATTEMPTS = 10
MAX_BACKOFF_ATTEMPTS = 12  # A backoff of 34 hours. A redrive by a person may go beyond MAX_ATTEMPTS.


def start_inspection(
    executions: Executions,
    inspections: InspectionRepository,
    image: Image,
    uploaded_at: str,
    *,
    recovered: bool = False,
) -> ExecutionName | None:
    """Create the row of an image version and start its execution. Return the execution's name if it is new.

    The row comes first. If the process crashes between the two, a repeated event or reconcile starts the
    execution that the row names. A photo that has a later attempt is left alone. A `recovered` object stays
    where it is, as unclear, until a person decides it.
    """
    new = new_inspection(image, execution_name(inspection_id(image), 1), 1, uploaded_at)
    if recovered:
        new = replace(new, recovered=True, verdict=Verdict.UNCLEAR)
    row = inspections.claim(new)  # A photo that arrives has no row.
    if row is None or row.state is not InspectionState.INSPECTING:
        return None
    return row.owner if executions.start(row.owner, execution_input(image, row.uploaded_at, 1)) else None


def restart_inspection(
    inspections: InspectionRepository, executions: Executions, row: Inspection, limit: int = MAX_ATTEMPTS
) -> bool:
    """Restart an inspection: an unknown execution by its own name, an ended one as the next attempt.

    The row's ownership is transferred before the start, so that the abandoned attempt can no longer act.
    Return False after `limit` attempts at one revision: a person must redrive it.
    """
    owner, attempt = row.owner, row.attempt
    if executions.get_status(owner) is not None:
        owner, attempt = execution_name(row.id, row.attempt + 1), row.attempt + 1
        if row.revision_attempts >= limit:
            return False
        if not inspections.transfer_ownership(row, owner, attempt, timestamps.now()):
            return True
    executions.start(owner, execution_input(row.image, row.uploaded_at, attempt))
    return True


def backoff_elapsed(row: Inspection) -> bool:
    """Return True if the next attempt is due: at once after the first, then after 1, 3, 7, … minutes."""
    minutes = 2 ** (min(row.revision_attempts, MAX_BACKOFF_ATTEMPTS) - 1) - 1
    return timestamps.add_seconds(row.attempted_at, 60 * minutes) <= timestamps.now()


def new_inspection(image: Image, owner: ExecutionName, attempt: int, uploaded_at: str) -> Inspection:
    """Build the row of an image version that is not validated yet."""
    now = timestamps.now()
    return Inspection(
        id=inspection_id(image),
        image=image,
        owner=owner,
        attempt=attempt,
        state=InspectionState.INSPECTING,
        uploaded_at=uploaded_at,
        claimed_at=now,
        attempted_at=now,
        location=image,
    )


def iter_uploaded_versions(event: Mapping[str, Any], objects: ObjectStore) -> Iterator[tuple[Image, str]]:
    """Yield the image versions of an EventBridge event of S3, each with its time of upload.

    The key in the event is raw text. If the event names no version, every version of its key is yielded:
    starting an inspection twice is harmless, missing one is not.
    """
    bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    version = event["detail"]["object"].get("version-id")
    if version:
        yield Image(bucket, key, version), event["time"]
        return
    for stored in objects.list_versions(bucket, prefix=key):
        if stored.image.key == key:
            yield stored.image, stored.modified_at


def apply_backpressure(
    inspections: InspectionQueries,
    limit: int,
    time_left: Callable[[], bool],
    sleep: Callable[[float], None],
) -> None:
    """Wait while `limit` recent inspections are in flight, as long as `time_left()` is true.

    This slows uploads down and never stops them: inspections that are stuck count only for IN_FLIGHT_SECONDS,
    and the function returns when the time is up.
    """
    while time_left():
        since = timestamps.add_seconds(timestamps.now(), -BACKPRESSURE_WINDOW_SECONDS)
        if inspections.count_recent(InspectionState.INSPECTING, since, limit) < limit:
            return
        sleep(0.2)
