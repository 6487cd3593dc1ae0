"""State `Claim upload`: claim the image version for this execution, validate its bytes, measure the photo."""

from typing import TypedDict

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from lambdas.photo_meter import PHOTO_METER
from workflow.inspections.inspection import ExecutionName
from workflow.inspections.objects import Image, ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.pipeline import claim
from workflow.pipeline.claim import ClaimOutcome
from workflow.pipeline.executions import ExecutionInput


class ClaimUploadInput(TypedDict):
    """The execution's input, and the name of the execution that runs."""

    upload: ExecutionInput
    execution: ExecutionName


class ClaimUploadOutput(TypedDict):
    """The part `$.upload` of the execution's document."""

    outcome: ClaimOutcome


@observed
def handler(
    event: ClaimUploadInput,
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
) -> ClaimUploadOutput:
    """Claim the image version for this execution, validate its bytes, and measure a valid photo.

    Idempotent: a repeated call returns the stored outcome.
    """
    upload = event["upload"]
    logger.append_keys(inspection_id=upload["inspection_id"])
    if event["execution"] != upload["execution"]:
        # An execution that a person started with a copied input: later states would act for the first one.
        outcome = ClaimOutcome.NOT_OWNER
    else:
        outcome = claim.claim_upload(
            inspections=inspections or production().inspections,
            objects=objects or production().objects,
            meter=PHOTO_METER,
            image=Image(**upload["image"]),
            owner=event["execution"],
            attempt=upload["attempt"],
            uploaded_at=upload["uploaded_at"],
        )
    metrics.add_metric(f"upload_{outcome}", MetricUnit.Count, 1)
    logger.info("claimed", extra={"outcome": outcome, "key": upload["image"]["key"]})
    return {"outcome": outcome}
