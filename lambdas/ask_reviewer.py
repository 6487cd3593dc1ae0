"""State `Ask a reviewer`: store the task token and open the review."""

from typing import TypedDict

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow.inspections.repository import DecisionRepository
from workflow.pipeline.detection import DetectedDocument
from workflow.pipeline.executions import TaskToken, TaskTokenStore
from workflow.review import decisions as review
from workflow.review.decisions import MessageQueue


class AskReviewerInput(TypedDict):
    """The execution's document, and the task token that a decision answers."""

    inspection: DetectedDocument
    token: TaskToken


@observed
def handler(
    event: AskReviewerInput,
    context: LambdaContext,
    inspections: DecisionRepository | None = None,
    task_tokens: TaskTokenStore | None = None,
    decisions: MessageQueue | None = None,
) -> None:
    """Store the token and open the review, or deliver the decision that already stands.

    No output: the token's answer is the output. Idempotent: a repeated call adds the token and keeps the
    review.
    """
    inspection = event["inspection"]
    timeout_seconds = inspection["detection"]["review_seconds"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    review.open_review(
        inspections or production().inspections,
        task_tokens or production().task_tokens,
        decisions or production().message_queue("DECISION_QUEUE_URL"),
        inspection_id=inspection["inspection_id"],
        owner=inspection["execution"],
        token=event["token"],
        seconds=timeout_seconds,
    )
    metrics.add_metric("review_asked", MetricUnit.Count, 1)
    logger.info("asked a reviewer", extra={"timeout_seconds": timeout_seconds})
