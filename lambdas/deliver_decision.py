"""Queue `decisions`: answer the waiting execution with the decision that stands in the ledger."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, tracer
from workflow import review
from workflow.inspection import Ledger
from workflow.intake import Executions
from workflow.review import Tokens

processor = wiring.Batch(event_type=EventType.SQS)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    tokens: Tokens | None = None,
    executions: Executions | None = None,
) -> PartialItemFailureResponse:
    def deliver(record: SQSRecord) -> None:
        inspection_id = json.loads(record.body)["inspection_id"]
        outcome = review.deliver(
            ledger or wiring.ledger(),
            tokens or wiring.tokens(),
            executions or wiring.executions(),
            inspection_id,
        )
        logger.info("decision", extra={"inspection_id": inspection_id, "outcome": outcome})

    return process_partial_response(event, deliver, processor, context)
