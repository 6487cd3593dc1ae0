"""Queue `decisions`: bring the decision that stands to its execution, and start what a revision asks for."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, tracer
from workflow.inspections.inspection import Ledger
from workflow.recovery import delivery
from workflow.recovery.redrive import Redrivable
from workflow.review.decisions import Queue, Tokens

processor = wiring.Batch(event_type=EventType.SQS)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    tokens: Tokens | None = None,
    executions: Redrivable | None = None,
    decisions: Queue | None = None,
) -> PartialItemFailureResponse:
    def deliver(record: SQSRecord) -> None:
        inspection_id = json.loads(record.body)["inspection_id"]
        outcome = delivery.deliver(
            ledger or wiring.ledger(),
            tokens or wiring.tokens(),
            executions or wiring.executions(),
            decisions or wiring.queue("DECISION_QUEUE_URL"),
            inspection_id,
        )
        logger.info("decision", extra={"inspection_id": inspection_id, "outcome": outcome})

    return process_partial_response(event, deliver, processor, context)
