"""Queue `intake`: start one execution for every uploaded image version."""

import json
import time
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, setting, tracer
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Shelf, inspection_id
from workflow.pipeline import intake
from workflow.pipeline.intake import Executions

MARGIN_MS = 30_000

processor = wiring.Batch(event_type=EventType.SQS)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    shelf: Shelf | None = None,
    executions: Executions | None = None,
) -> PartialItemFailureResponse:
    books, photos = ledger or wiring.ledger(), shelf or wiring.shelf()
    machine = executions or wiring.executions()
    limit = int(setting("MAX_IN_FLIGHT"))

    def start(record: SQSRecord) -> None:
        for image, uploaded_at in intake.uploaded(json.loads(record.body), photos):
            intake.wait_for_room(
                books, limit, lambda: context.get_remaining_time_in_millis() > MARGIN_MS, time.sleep
            )
            name = intake.start(machine, books, image, uploaded_at)
            facts = {"inspection_id": inspection_id(image), "key": image.key, "execution": name}
            logger.info("started" if name else "known already", extra=facts)

    return process_partial_response(event, start, processor, context)
