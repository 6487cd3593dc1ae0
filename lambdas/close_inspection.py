"""State `Close inspection`: record that the verdict was announced."""

from typing import TypedDict

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.inspections.repository import InspectionRepository
from workflow.pipeline.executions import ExecutionInput


class CloseInspectionOutput(TypedDict):
    """The time of the call. The state discards it."""

    at: str


@observed
def handler(
    event: ExecutionInput, context: LambdaContext, inspections: InspectionRepository | None = None
) -> CloseInspectionOutput:
    """Record that the verdict was announced.

    Idempotent: a closed inspection stays as it is.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    at = timestamps.now()
    (inspections or production().inspections).close(event["inspection_id"], event["execution"], at)
    metrics.add_metric("inspection_closed", MetricUnit.Count, 1)
    logger.info("closed")
    return {"at": at}
