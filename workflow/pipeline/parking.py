"""Parking: photos wait for their model in an execution that a task token wakes."""

from collections.abc import Callable
from contextlib import suppress

from workflow import timestamps
from workflow.errors import ConfigurationError, Conflict
from workflow.inspections.inspection import ExecutionName, ModelWait
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionRepository, require_owner
from workflow.inspections.routing_policy import MODEL_WAIT_SECONDS
from workflow.pipeline.detection import (
    BROKEN_WAIT_SECONDS,
    DetectionDocument,
    DetectionOutcome,
    ModelNotReady,
    not_ready,
)
from workflow.pipeline.executions import TaskCompleter, TaskToken, TaskTokenStore

WAITING_OUTCOMES = (DetectionOutcome.BUSY, DetectionOutcome.NOT_READY)


def park(
    inspections: InspectionRepository,
    tokens: TaskTokenStore,
    tasks: TaskCompleter,
    look: Callable[[], DetectionDocument],
    *,
    inspection_id: InspectionId,
    owner: ExecutionName,
    token: TaskToken,
    waiting: DetectionDocument,
) -> bool:
    """Park a photo that found no model ready. Return False if it found one after all and was woken.

    The token is stored before the photo looks again, and the capacity manager lists parked photos after the
    model's start. The second of the two sees the work of the first, so no start is missed. A model that is
    busy now leaves the photo parked, so that an execution never loops without a wait.
    """
    row = require_owner(inspections, inspection_id, owner)
    tokens.put(row.id, token, row.attempt)
    now = timestamps.now()
    wait = ModelWait(
        since=now,
        until=timestamps.add_seconds(now, waiting["timeout_seconds"]),
        reason=waiting["reason"],
        broken=waiting.get("broken", False),
    )
    with suppress(Conflict):  # An answer is stored: the look finds it.
        inspections.park(row.id, owner, wait)
    if look()["outcome"] in WAITING_OUTCOMES:
        return True
    wake(tokens, tasks, row.id)
    return False


def wait_for_settings(
    inspections: InspectionRepository,
    inspection_id: InspectionId,
    owner: ExecutionName,
    error: ConfigurationError,
    now: str,
) -> DetectionDocument:
    """Let a photo wait until a person repairs unreadable settings. Raise the error after a day.

    The routing policy's own limit may be among the unreadable settings, so the default limit holds.
    """
    row = require_owner(inspections, inspection_id, owner)
    waited_seconds = timestamps.seconds_between(row.revision_started_at, now)
    if waited_seconds >= MODEL_WAIT_SECONDS:
        raise error
    response = ModelNotReady(str(error), BROKEN_WAIT_SECONDS, broken=True)
    return not_ready(response, waited_seconds, MODEL_WAIT_SECONDS)


def wake(tokens: TaskTokenStore, tasks: TaskCompleter, inspection_id: InspectionId) -> bool:
    """Let a parked execution ask the model again. Return False if no token of it is alive.

    The execution itself puts its row back in flight, so that a crash here leaves the photo parked, and the
    next run wakes it.
    """
    for token in tokens.list_tokens(inspection_id):
        accepted = tasks.complete_task(token, {})
        tokens.remove(inspection_id, token)
        if accepted:
            return True
    return False
