"""States `Move to …`: file the photo under its verdict."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Shelf
from workflow.pipeline import filing


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    shelf: Shelf | None = None,
) -> dict[str, Any]:
    inspection = event["inspection"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    filed = filing.file(
        ledger or wiring.ledger(),
        shelf or wiring.shelf(),
        setting("FILED_BUCKET"),
        inspection["inspection_id"],
        inspection["execution"],
        event["verdict"],
    )
    metrics.add_metric(f"filed_{filed['verdict']}", MetricUnit.Count, 1)
    logger.info("filed", extra={"verdict": filed["verdict"], "key": filed["key"]})
    return filed
