"""State `Ask a reviewer`: keep the task token and open the review."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, tracer
from workflow.inspections.inspection import Ledger
from workflow.review import decisions as review
from workflow.review.decisions import Queue, Tokens


@logger.inject_lambda_context(clear_state=True, log_event=False)  # The event holds the token.
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    tokens: Tokens | None = None,
    decisions: Queue | None = None,
) -> None:
    inspection = event["inspection"]
    timeout_seconds = inspection["detection"]["review_seconds"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    review.ask(
        ledger or wiring.ledger(),
        tokens or wiring.tokens(),
        decisions or wiring.queue("DECISION_QUEUE_URL"),
        inspection["inspection_id"],
        inspection["execution"],
        event["token"],
        timeout_seconds,
    )
    metrics.add_metric("review_asked", MetricUnit.Count, 1)
    logger.info("asked a reviewer", extra={"timeout_seconds": timeout_seconds})
