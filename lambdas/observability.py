"""Logger, tracer and metrics of the functions, and the decorator that applies them to a handler."""

import json
import os
import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor

P = ParamSpec("P")
R = TypeVar("R")

# ASCII: a key may hold characters that some programs take for the end of a line, such as U+2028.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "partcheck"))


def observed(handler: Callable[P, R]) -> Callable[P, R]:
    """Give a handler's calls a log context, a trace and metrics. Events may hold tokens: never log them."""

    @logger.inject_lambda_context(clear_state=True, log_event=False)
    @tracer.capture_lambda_handler(capture_response=False)
    @wraps(handler)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        finally:
            with warnings.catch_warnings():  # A call without metrics is no mistake.
                warnings.simplefilter("ignore", UserWarning)
                metrics.flush_metrics()

    return cast("Callable[P, R]", call)


class LoggingBatchProcessor(BatchProcessor):
    """A batch processor that logs each message that fails, which Powertools does not do."""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        logger.error("message failed", exc_info=exception, extra={"message_id": record.message_id})
        return super().failure_handler(record, exception)
