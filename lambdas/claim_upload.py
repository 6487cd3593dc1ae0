"""State `Claim upload`: claim the image version for this execution and validate its bytes."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import container
from lambdas.container import logger, metrics, tracer
from workflow.inspections.objects import Image, ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.pipeline.claim import ClaimOutcome
from workflow.pipeline.claim import claim_upload as claim


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
) -> dict[str, Any]:
    """Claim the image version for this execution and validate its bytes.

    Input: `upload` (the execution's input) and `execution` (its name). Output, `$.upload`: `outcome`, one of
    readable, unreadable, decided, vanished, refused. Idempotent: a repeated call returns the stored outcome.
    """
    upload = event["upload"]
    logger.append_keys(inspection_id=upload["inspection_id"])
    if event["execution"] != upload["execution"]:
        # An execution that a person started with a copied input: later states would act for the first one.
        outcome = ClaimOutcome.REFUSED
    else:
        outcome = claim(
            inspections=inspections or container.inspections(),
            objects=objects or container.objects(),
            image=Image(**upload["image"]),
            owner=event["execution"],
            attempt=upload["attempt"],
            uploaded_at=upload["uploaded_at"],
        )
    metrics.add_metric(f"upload_{outcome}", MetricUnit.Count, 1)
    logger.info("claimed", extra={"outcome": outcome, "key": upload["image"]["key"]})
    return {"outcome": outcome}
