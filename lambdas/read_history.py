"""Called by the review app: tell what an execution did so far, without its tokens."""

import base64
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, tracer
from workflow import archive
from workflow.archive import Histories


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(
    event: dict[str, Any], context: LambdaContext, histories: Histories | None = None
) -> dict[str, Any]:
    record = (histories or wiring.histories()).told(event["execution"])
    logger.info("read", extra={"execution": event["execution"], "known": record is not None})
    # Compressed, since an answer is at most 6 MB and the longest history is many times that.
    return {"record": base64.b64encode(archive.packed(record)).decode() if record else None}
