"""State `Close inspection`: note that the verdict was announced."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, tracer
from workflow import timestamps
from workflow.inspections.inspection import Ledger


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext, ledger: Ledger | None = None) -> dict[str, Any]:
    logger.append_keys(inspection_id=event["inspection_id"])
    at = timestamps.now()
    (ledger or wiring.ledger()).close(event["inspection_id"], event["execution"], at)
    metrics.add_metric("inspection_closed", MetricUnit.Count, 1)
    logger.info("closed")
    return {"at": at}
