"""By the clock: find inspections, uploads and decisions that got stuck, and move them on."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow import timestamps
from workflow.inspections.inspection import Ledger, State
from workflow.inspections.objects import Shelf
from workflow.pipeline.intake import Executions
from workflow.recovery.reconcile import Mender, findings, reconcile
from workflow.review.decisions import Queue


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    shelf: Shelf | None = None,
    executions: Executions | None = None,
    decisions: Queue | None = None,
) -> dict[str, int]:
    mender = Mender(
        ledger or wiring.ledger(),
        shelf or wiring.shelf(),
        executions or wiring.executions(),
        decisions or wiring.queue("DECISION_QUEUE_URL"),
        int(setting("MAX_IN_FLIGHT")),
    )
    counts = reconcile(mender, findings(mender, setting("INBOUND_BUCKET")))
    metrics.add_metric("reconciled", MetricUnit.Count, sum(counts.values()))
    for kind, count in counts.items():
        metrics.add_metric(f"reconciled_{kind.replace(' ', '_')}", MetricUnit.Count, count)
    _measure_reviews(mender.ledger)
    logger.info("reconciled", extra={"counts": counts})
    return counts


def _measure_reviews(ledger: Ledger) -> None:
    """How many photos wait for a person, and since when the one does that was asked about first."""
    asked = [row.review.opened_at for row in ledger.in_state(State.WAITING) if row.review]
    waited = timestamps.seconds_between(min(asked), timestamps.now()) if asked else 0
    metrics.add_metric("oldest_review_seconds", MetricUnit.Seconds, max(0, waited))
    metrics.add_metric("reviews_waiting", MetricUnit.Count, len(asked))
