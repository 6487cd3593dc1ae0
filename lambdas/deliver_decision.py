"""Queue `decisions`: deliver decisions to their executions, and start the executions of new revisions."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.batch_processor import LoggingBatchProcessor
from lambdas.container import production
from lambdas.observability import logger, observed
from workflow.inspections.repository import DecisionRepository
from workflow.pipeline.executions import TaskTokenStore
from workflow.recovery import decision_delivery
from workflow.recovery.redrive import RedrivableExecutions
from workflow.review.decisions import MessageQueue

processor = LoggingBatchProcessor(event_type=EventType.SQS)


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: DecisionRepository | None = None,
    task_tokens: TaskTokenStore | None = None,
    executions: RedrivableExecutions | None = None,
    decisions: MessageQueue | None = None,
) -> PartialItemFailureResponse:
    """Deliver the decisions that stand, or start the executions of new revisions.

    Input: messages of the queue, each with an `inspection_id`. Output: the messages that failed. Idempotent:
    the inspection's row and the task token decide, so repeated and late messages change nothing.
    """

    def deliver(record: SQSRecord) -> None:
        inspection_id = json.loads(record.body)["inspection_id"]
        outcome = decision_delivery.deliver(
            inspections or production().inspections,
            task_tokens or production().task_tokens,
            executions or production().executions,
            decisions or production().message_queue("DECISION_QUEUE_URL"),
            inspection_id,
        )
        logger.info("decision", extra={"inspection_id": inspection_id, "outcome": outcome})

    return process_partial_response(event, deliver, processor, context)
