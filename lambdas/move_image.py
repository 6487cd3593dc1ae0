"""States `Move to …`: file the photo under its verdict."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import container
from lambdas.container import logger, metrics, setting, tracer
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.pipeline import filing


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
) -> dict[str, Any]:
    """File the photo under its verdict.

    Input: `inspection` (the execution's document) and `verdict`, a verdict or `reviewed`. Output, `$.filed`:
    `verdict`, `bucket`, `key`, and `announcement`, the message's text. Idempotent: a filed photo stays.
    """
    inspection = event["inspection"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    filed = filing.file_photo(
        inspections=inspections or container.inspections(),
        objects=objects or container.objects(),
        bucket=setting("FILED_BUCKET"),
        inspection_id=inspection["inspection_id"],
        owner=inspection["execution"],
        target=filing.FilingTarget(event["verdict"]),
    )
    metrics.add_metric(f"filed_{filed['verdict']}", MetricUnit.Count, 1)
    logger.info("filed", extra={"verdict": filed["verdict"], "key": filed["key"]})
    return filed
