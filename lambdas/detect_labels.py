"""State `Detect labels`: ask the model about one photo."""

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.detectors import build_detector
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.cameras.camera import CameraRepository
from workflow.errors import ConfigurationError
from workflow.inspections.model_reference import ReferenceRepository
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection, parking
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
    require_settings(policy, detector)
    answer = detect(
        event,
        inspections=inspections,
        objects=objects,
        detector=detector,
        references=references,
        cameras=cameras,
        policy=policy,
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


def require_settings(policy: RoutingPolicy | None, detector: Detector | None) -> None:
    """Raise ConfigurationError if a variable is missing. That is a fault, which no photo waits for."""
    if policy is None:
        production().setting("POLICY_PARAMETER")
    if detector is None:
        production().setting("MODEL_PARAMETER")


def detect(
    event: ExecutionInput,
    *,
    inspections: InspectionRepository | None,
    objects: ObjectStore | None,
    detector: Detector | None,
    references: ReferenceRepository | None,
    cameras: CameraRepository | None,
    policy: RoutingPolicy | None,
    stay_parked: bool = False,
) -> DetectionDocument:
    """Detect with the given adapters, or with those of the environment. Wait for unreadable settings."""
    inspections, now = inspections or production().inspections, timestamps.now()
    inspection_id, owner = event["inspection_id"], event["execution"]
    try:
        policy = policy or production().routing_policy()
        detector = detector or production().detector(build_detector)
    except ConfigurationError as error:
        return parking.wait_for_settings(inspections, inspection_id, owner, error, now)
    return detection.detect(
        inspections=inspections,
        objects=objects or production().objects,
        detector=detector,
        references=references or production().references,
        cameras=cameras or production().cameras,
        policy=policy,
        inspection_id=inspection_id,
        owner=owner,
        now=now,
        stay_parked=stay_parked,
    )
