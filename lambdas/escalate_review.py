"""State `Escalate review`: notify a supervisor that a review is overdue, and start its next round."""

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow.inspections.repository import DecisionRepository
from workflow.pipeline.executions import ExecutionInput
from workflow.review import decisions
from workflow.review.decisions import EscalationDocument, MessageQueue


@observed
def handler(
    event: ExecutionInput,
    context: LambdaContext,
    inspections: DecisionRepository | None = None,
    escalations: MessageQueue | None = None,
) -> EscalationDocument:
    """Notify a supervisor that a review is overdue, and start its next round.

    Idempotent: a repeated call counts the round once, and may send the message again.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = decisions.escalate(
        inspections or production().inspections,
        escalations or production().message_queue("ESCALATION_QUEUE_URL"),
        event["inspection_id"],
        event["execution"],
    )
    metrics.add_metric("review_overdue", MetricUnit.Count, 1)
    logger.info("review overdue", extra={"answer": answer})
    return answer
