"""State `Detect labels`: ask the model about one photo."""

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.detectors import build_detector
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.cameras.camera import CameraRepository
from workflow.inspections.model_reference import ReferenceRepository
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection
from workflow.pipeline.detection import DetectionDocument, Detector
from workflow.pipeline.executions import ExecutionInput


@observed
def handler(
    event: ExecutionInput,
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
    detector: Detector | None = None,
    references: ReferenceRepository | None = None,
    cameras: CameraRepository | None = None,
    policy: RoutingPolicy | None = None,
) -> DetectionDocument:
    """Ask the model about one photo and apply the routing policy.

    Idempotent: a stored answer is returned again.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = detection.detect(
        inspections=inspections or production().inspections,
        objects=objects or production().objects,
        detector=detector or production().detector(build_detector),
        references=references or production().references,
        cameras=cameras or production().cameras,
        policy=policy or production().routing_policy(),
        inspection_id=event["inspection_id"],
        owner=event["execution"],
        now=timestamps.now(),
    )
    metrics.add_metric(f"detection_{answer['outcome']}", MetricUnit.Count, 1)
    broken = answer.get("broken", False)
    if broken:
        metrics.add_metric("model_broken", MetricUnit.Count, 1)
    if answer.get("unusual"):
        metrics.add_metric("photo_unusual", MetricUnit.Count, 1)
    unguarded = bool(answer.get("label")) and not answer["reference"]
    if unguarded:  # The model has no reference, or one that belongs to another model.
        metrics.add_metric("photo_unguarded", MetricUnit.Count, 1)
    log = logger.error if broken else logger.warning if unguarded else logger.info
    log("detected", extra={"answer": answer})
    return answer
