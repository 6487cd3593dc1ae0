"""State `Claim upload`: take the image version for this execution and examine its bytes."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, tracer
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Image, Shelf
from workflow.pipeline import intake


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    shelf: Shelf | None = None,
) -> dict[str, Any]:
    upload = event["upload"]
    logger.append_keys(inspection_id=upload["inspection_id"])
    if event["execution"] != upload["execution"]:
        # A copy of an execution, started by hand with its input: the later steps would take it for the first.
        outcome = "refused"
    else:
        outcome = intake.claim(
            ledger or wiring.ledger(),
            shelf or wiring.shelf(),
            Image(**upload["image"]),
            event["execution"],
            upload["attempt"],
            upload["uploaded_at"],
        )
    metrics.add_metric(f"upload_{outcome}", MetricUnit.Count, 1)
    logger.info("claimed", extra={"outcome": outcome, "key": upload["image"]["key"]})
    return {"outcome": outcome}
