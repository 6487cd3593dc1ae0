"""The batch processor of the functions that queues trigger; the others do not load it."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor

from lambdas.observability import logger


class LoggingBatchProcessor(BatchProcessor):
    """A batch processor that logs each message that fails, which Powertools does not do."""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        logger.error("message failed", exc_info=exception, extra={"message_id": record.message_id})
        return super().failure_handler(record, exception)
