"""Scheduled: resume inspections, uploads and decisions that are stuck, and check the buckets once a day."""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionDatabase, InspectionQueries
from workflow.models.capacity_manager import CapacityStore
from workflow.pipeline.executions import Executions, TaskTokenStore
from workflow.recovery import reconcile as recovery
from workflow.recovery.reconcile import Reconciler
from workflow.recovery.scheduled_check import CheckProgressStore, ScheduledCheck
from workflow.review.decisions import MessageQueue

CHECK_SECONDS, MARGIN_MS = 20, 30_000


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionDatabase | None = None,
    objects: ObjectStore | None = None,
    executions: Executions | None = None,
    decisions: MessageQueue | None = None,
    check_progress: CheckProgressStore | None = None,
    wake_tokens: TaskTokenStore | None = None,
    capacity_store: CapacityStore | None = None,
) -> dict[str, int]:
    """Find inspections, uploads and decisions that are stuck, and resume them. Continue the daily check.

    Trigger: every minute, and alone; the input is ignored. Output: counts by kind of issue. Idempotent: every
    repair is a conditional write or an execution with a fixed name.
    """
    reconciler = Reconciler(
        inspections=inspections or production().inspections,
        objects=objects or production().objects,
        executions=executions or production().executions,
        delivery_queue=decisions or production().message_queue("DECISION_QUEUE_URL"),
        wake_tokens=wake_tokens or production().wake_tokens,
        capacity_store=capacity_store or production().capacity_store,
        max_in_flight=int(production().setting("MAX_IN_FLIGHT")),
    )
    counts = recovery.reconcile(
        reconciler, recovery.find_issues(reconciler, production().setting("INBOUND_BUCKET"))
    )
    metrics.add_metric("reconciled", MetricUnit.Count, sum(counts.values()))
    for kind, count in counts.items():
        metrics.add_metric(f"reconciled_{kind.replace(' ', '_')}", MetricUnit.Count, count)
    _measure_reviews(reconciler.inspections)
    _continue_check(reconciler, check_progress or production().check_progress, context)
    logger.info("reconciled", extra={"counts": counts})
    return counts


def _measure_reviews(inspections: InspectionQueries) -> None:
    """Publish how many photos wait for a person, and for how long the oldest review has been open."""
    opened = [
        row.review.opened_at for row in inspections.list_by_state(InspectionState.WAITING) if row.review
    ]
    waited = timestamps.seconds_between(min(opened), timestamps.now()) if opened else 0
    metrics.add_metric("oldest_review_seconds", MetricUnit.Seconds, max(0, waited))
    metrics.add_metric("reviews_waiting", MetricUnit.Count, len(opened))


def _continue_check(reconciler: Reconciler, progress: CheckProgressStore, context: LambdaContext) -> None:
    """Compare the table with the buckets for some seconds, and publish how much is not accounted for."""
    deadline = time.monotonic() + CHECK_SECONDS
    check = ScheduledCheck(
        reconciler=reconciler,
        progress=progress,
        inbound=production().setting("INBOUND_BUCKET"),
        filed=production().setting("FILED_BUCKET"),
        history=production().setting("HISTORY_BUCKET"),
    )
    reached = check.run_slice(
        lambda: time.monotonic() < deadline and context.get_remaining_time_in_millis() > MARGIN_MS
    )
    metrics.add_metric("unaccounted", MetricUnit.Count, reached.unaccounted)
