"""Scheduled: find inspections, uploads and decisions that are stuck, and resume them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionDatabase, InspectionQueries
from workflow.pipeline.executions import Executions
from workflow.recovery import reconcile as recovery
from workflow.recovery.reconcile import Reconciler
from workflow.review.decisions import MessageQueue


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionDatabase | None = None,
    objects: ObjectStore | None = None,
    executions: Executions | None = None,
    decisions: MessageQueue | None = None,
) -> dict[str, int]:
    """Find inspections, uploads and decisions that are stuck, and resume them.

    Trigger: every minute, and alone; the input is ignored. Output: counts by kind of issue. Idempotent: every
    repair is a conditional write or an execution with a fixed name.
    """
    reconciler = Reconciler(
        inspections=inspections or production().inspections,
        objects=objects or production().objects,
        executions=executions or production().executions,
        delivery_queue=decisions or production().message_queue("DECISION_QUEUE_URL"),
        max_in_flight=int(production().setting("MAX_IN_FLIGHT")),
    )
    counts = recovery.reconcile(
        reconciler, recovery.find_issues(reconciler, production().setting("INBOUND_BUCKET"))
    )
    metrics.add_metric("reconciled", MetricUnit.Count, sum(counts.values()))
    for kind, count in counts.items():
        metrics.add_metric(f"reconciled_{kind.replace(' ', '_')}", MetricUnit.Count, count)
    _measure_reviews(reconciler.inspections)
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
