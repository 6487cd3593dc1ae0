"""Scheduled: count the cameras' new photos, raise and clear their alarms, and reopen suspect photos."""

import time
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.cameras import monitoring
from workflow.cameras.camera import Suspect
from workflow.cameras.monitoring import CameraMonitor
from workflow.recovery.commands import MAX_PER_SECOND
from workflow.review import revision
from workflow.review.decisions import MessageQueue

MARGIN_MS = 10_000


@observed
def handler(
    event: dict[str, Any], context: LambdaContext, monitor: CameraMonitor | None = None
) -> dict[str, int]:
    """Count the cameras' new photos, raise and clear their alarms, and reopen suspect photos.

    Trigger: every minute; the input is ignored. Output: the number of cameras by alarm, and of reopened
    photos. Idempotent: a photo is counted once, and an alarm that was sent but not stored is sent again.
    """
    counts = monitoring.run_once(
        monitor or _build_monitor(),
        timestamps.now(),
        lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
    )
    for name, count in counts.items():
        metrics.add_metric(f"cameras_{name}", MetricUnit.Count, count)
    logger.info("watched", extra={"counts": counts})
    return counts


def _build_monitor() -> CameraMonitor:
    return CameraMonitor(
        cameras=production().cameras,
        statuses=production().camera_statuses,
        inspections=production().inspections,
        audit_log=production().audit_log,
        send=production().message_queue("ESCALATION_QUEUE_URL").send,
        reopen=partial(_reopen, production().message_queue("DECISION_QUEUE_URL")),
        get_reference=cache(production().references.get),
    )


def _reopen(queue: MessageQueue, suspect: Suspect) -> None:
    revision.reinspect(production().inspections, queue, suspect.inspection_id, suspect.actor, suspect.reason)
    time.sleep(1 / MAX_PER_SECOND)
