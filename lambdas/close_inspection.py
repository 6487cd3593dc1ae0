"""State `Close inspection`: record that the verdict was announced."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import container
from lambdas.container import logger, metrics, tracer
from workflow import timestamps
from workflow.inspections.repository import InspectionRepository


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any], context: LambdaContext, inspections: InspectionRepository | None = None
) -> dict[str, Any]:
    """Record that the verdict was announced.

    Input: the execution's document. Output, which the state discards: `at`, the time of this call.
    Idempotent: a closed inspection stays as it is.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    at = timestamps.now()
    (inspections or container.inspections()).close(event["inspection_id"], event["execution"], at)
    metrics.add_metric("inspection_closed", MetricUnit.Count, 1)
    logger.info("closed")
    return {"at": at}
