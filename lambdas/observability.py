"""Logger, tracer and metrics of the functions, and the decorator that applies them to a handler."""

import json
import os
import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.shared.functions import strtobool

P = ParamSpec("P")
R = TypeVar("R")

# ASCII: a key may hold characters that some programs take for the end of a line, such as U+2028.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "partcheck"))


def _build_trace() -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that traces a handler with X-Ray, or one that does nothing if tracing is disabled.

    Powertools would load the X-Ray SDK to disable it: a third of a function's start, and of its memory.
    """
    if strtobool(os.environ.get("POWERTOOLS_TRACE_DISABLED", "false")):
        return lambda handler: handler
    from aws_lambda_powertools import Tracer

    return partial(Tracer(patch_modules=("botocore",)).capture_lambda_handler, capture_response=False)


trace = _build_trace()


def observed(handler: Callable[P, R]) -> Callable[P, R]:
    """Give a handler's calls a log context, a trace and metrics. Events may hold tokens: never log them."""

    @logger.inject_lambda_context(clear_state=True, log_event=False)
    @trace
    @wraps(handler)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        finally:
            with warnings.catch_warnings():  # A call without metrics is no mistake.
                warnings.simplefilter("ignore", UserWarning)
                metrics.flush_metrics()

    return cast("Callable[P, R]", call)
