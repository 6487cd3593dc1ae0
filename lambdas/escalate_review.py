"""State `Escalate review`: nobody took the review in time, so tell a supervisor and ask again."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, tracer
from workflow.inspections.inspection import Ledger
from workflow.review import decisions
from workflow.review.decisions import Queue


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    escalations: Queue | None = None,
) -> dict[str, Any]:
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = decisions.escalate(
        ledger or wiring.ledger(),
        escalations or wiring.queue("ESCALATION_QUEUE_URL"),
        event["inspection_id"],
        event["execution"],
    )
    metrics.add_metric("review_overdue", MetricUnit.Count, 1)
    logger.info("review overdue", extra={"answer": answer})
    return answer
