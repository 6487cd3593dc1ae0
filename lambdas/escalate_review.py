"""State `Escalate review`: notify a supervisor that a review is overdue, and start its next round."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import container
from lambdas.container import logger, metrics, tracer
from workflow.inspections.repository import InspectionRepository
from workflow.review import decisions
from workflow.review.decisions import MessageQueue


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    escalations: MessageQueue | None = None,
) -> dict[str, Any]:
    """Notify a supervisor that a review is overdue, and start its next round.

    Input: the execution's document. Output, `$.escalation`: `decided`, and the `round` while it is false.
    Idempotent: a repeated call counts the round once, and may send the message again.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = decisions.escalate(
        inspections or container.inspections(),
        escalations or container.message_queue("ESCALATION_QUEUE_URL"),
        event["inspection_id"],
        event["execution"],
    )
    metrics.add_metric("review_overdue", MetricUnit.Count, 1)
    logger.info("review overdue", extra={"answer": answer})
    return answer
