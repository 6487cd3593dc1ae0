"""State `Detect labels`: ask the model about one photo."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import container
from lambdas.container import logger, metrics, setting, tracer
from workflow import timestamps
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection
from workflow.pipeline.detection import Detector


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionRepository | None = None,
    objects: ObjectStore | None = None,
    detector: Detector | None = None,
    policy: RoutingPolicy | None = None,
) -> dict[str, Any]:
    """Ask the model about one photo and apply the routing policy.

    Input: the execution's document. Output, `$.detection`: `outcome`, one of answered, not_ready, refused,
    vanished, with the fields that workflow.pipeline.detection.detect lists. Idempotent: a stored answer is
    returned again.
    """
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = detection.detect(
        inspections=inspections or container.inspections(),
        objects=objects or container.objects(),
        detector=detector or container.detector(),
        policy=policy or container.parameters().routing_policy(setting("POLICY_PARAMETER")),
        inspection_id=event["inspection_id"],
        owner=event["execution"],
        now=timestamps.now(),
    )
    metrics.add_metric(f"detection_{answer['outcome']}", MetricUnit.Count, 1)
    broken = answer.get("broken", False)
    if broken:
        metrics.add_metric("model_broken", MetricUnit.Count, 1)
    log = logger.error if broken else logger.info
    log("detected", extra={"answer": answer})
    return answer
