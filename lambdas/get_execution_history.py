"""Called by the review app: return an execution's history, or the log of one step, without task tokens."""

import base64
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, observed
from workflow.history import archive
from workflow.history.archive import HistorySource
from workflow.history.logs import StepLogs


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    history_source: HistorySource | None = None,
    step_logs: StepLogs | None = None,
) -> dict[str, Any]:
    """Return an execution's history, or the log of one step, without task tokens.

    Input: `execution` (its name), and `step` (its number) for a log. Output: `record`, gzipped JSON in Base64
    or null; or the fields of workflow.history.logs.LogLines. Changes nothing.
    """
    if "step" in event:
        log = (step_logs or production().step_logs).fetch(event["execution"], event["step"])
        logger.info("read logs", extra={"execution": event["execution"], "lines": len(log.lines)})
        return asdict(log)
    record = (history_source or production().history_source).fetch(event["execution"])
    logger.info("read", extra={"execution": event["execution"], "known": record is not None})
    # Compressed, because a response is at most 6 MB and the longest history is many times that.
    return {"record": base64.b64encode(archive.to_gzip(record)).decode() if record else None}
