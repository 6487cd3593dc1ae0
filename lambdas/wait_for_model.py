"""State `Wait for the model`: store the task token, park the photo, and look for the model once more."""

from functools import partial
from typing import TypedDict

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.detect_labels import detect, require_settings
from lambdas.observability import logger, metrics, observed
from workflow.cameras.camera import CameraRepository
from workflow.inspections.model_reference import ReferenceRepository
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import parking
from workflow.pipeline.detection import DetectedDocument, Detector
from workflow.pipeline.executions import TaskCompleter, TaskToken, TaskTokenStore


class WaitForModelInput(TypedDict):
    """The execution's document, and the task token that wakes it."""

    inspection: DetectedDocument
    token: TaskToken


@observed
def handler(
    event: WaitForModelInput,
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
    detector: Detector | None = None,
    references: ReferenceRepository | None = None,
    cameras: CameraRepository | None = None,
    policy: RoutingPolicy | None = None,
    wake_tokens: TaskTokenStore | None = None,
    tasks: TaskCompleter | None = None,
) -> None:
    """Park a photo whose model is not ready, or wake it at once if the model answers by now.

    No output: the token's answer is the output. Idempotent: a repeated call adds its token.
    """
    inspection = event["inspection"]
    logger.append_keys(inspection_id=inspection["inspection_id"])
    require_settings(policy, detector)
    look = partial(
        detect,
        inspection,
        inspections=inspections,
        objects=objects,
        detector=detector,
        references=references,
        cameras=cameras,
        policy=policy,
        stay_parked=True,
    )
    parked = parking.park(
        inspections or production().inspections,
        wake_tokens or production().wake_tokens,
        tasks or production().tasks,
        look,
        inspection_id=inspection["inspection_id"],
        owner=inspection["execution"],
        token=event["token"],
        waiting=inspection["detection"],
    )
    metrics.add_metric("photo_parked", MetricUnit.Count, int(parked))
    logger.info("parked" if parked else "woken at once", extra={"reason": inspection["detection"]["reason"]})
