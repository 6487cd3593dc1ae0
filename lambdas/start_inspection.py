"""Queue `intake`: start one execution for every uploaded image version."""

import json
import time
from typing import Any

from aws_lambda_powertools.utilities.batch import EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.batch_processor import LoggingBatchProcessor
from lambdas.container import production
from lambdas.observability import logger, observed
from workflow.inspections.objects import ObjectStore, inspection_id
from workflow.inspections.repository import InspectionDatabase
from workflow.pipeline.executions import Executions
from workflow.pipeline.start import apply_backpressure, iter_uploaded_versions, start_inspection

MARGIN_MS = 30_000

processor = LoggingBatchProcessor(event_type=EventType.SQS)


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionDatabase | None = None,
    objects: ObjectStore | None = None,
    executions: Executions | None = None,
) -> PartialItemFailureResponse:
    """Start one execution for every uploaded image version.

    Input: messages of the queue, each an EventBridge event of S3. Output: the messages that failed.
    Idempotent: an image version that has a row starts no second execution.
    """
    repository, store = inspections or production().inspections, objects or production().objects
    machine = executions or production().executions
    limit = int(production().setting("MAX_IN_FLIGHT"))

    def start(record: SQSRecord) -> None:
        for image, uploaded_at in iter_uploaded_versions(json.loads(record.body), store):
            apply_backpressure(
                repository, limit, lambda: context.get_remaining_time_in_millis() > MARGIN_MS, time.sleep
            )
            name = start_inspection(machine, repository, image, uploaded_at)
            details = {"inspection_id": inspection_id(image), "key": image.key, "execution": name}
            logger.info("started" if name else "known already", extra=details)

    return process_partial_response(event, start, processor, context)
