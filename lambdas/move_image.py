"""States `Move to …`: file the photo under its verdict."""

from typing import TypedDict

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionDatabase
from workflow.pipeline import filing
from workflow.pipeline.executions import ExecutionInput
from workflow.pipeline.filing import FilingDocument, FilingTarget


class MoveImageInput(TypedDict):
    """The execution's document, and the target of the state."""

    inspection: ExecutionInput
    verdict: FilingTarget


@observed
def handler(
    event: MoveImageInput,
    context: LambdaContext,
    inspections: InspectionDatabase | None = None,
    objects: ObjectStore | None = None,
) -> FilingDocument:
    """File the photo under its verdict.

    Idempotent: a filed photo stays.
    """
    inspection = event["inspection"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    filed = filing.file_photo(
        inspections=inspections or production().inspections,
        objects=objects or production().objects,
        bucket=production().setting("FILED_BUCKET"),
        inspection_id=inspection["inspection_id"],
        owner=inspection["execution"],
        target=FilingTarget(event["verdict"]),
    )
    metrics.add_metric(f"filed_{filed['verdict']}", MetricUnit.Count, 1)
    logger.info("filed", extra={"verdict": filed["verdict"], "key": filed["key"]})
    return filed
