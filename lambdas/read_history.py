"""Called by the review app: tell what an execution did so far or one step logged, without tokens."""

import base64
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, tracer
from workflow.history import archive
from workflow.history.archive import Histories
from workflow.history.logs import Logs


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    histories: Histories | None = None,
    logs: Logs | None = None,
) -> dict[str, Any]:
    if "step" in event:
        told = (logs or wiring.logs()).of(event["execution"], event["step"])
        logger.info("read logs", extra={"execution": event["execution"], "lines": len(told.lines)})
        return asdict(told)
    record = (histories or wiring.histories()).told(event["execution"])
    logger.info("read", extra={"execution": event["execution"], "known": record is not None})
    # Compressed, since an answer is at most 6 MB and the longest history is many times that.
    return {"record": base64.b64encode(archive.packed(record)).decode() if record else None}
