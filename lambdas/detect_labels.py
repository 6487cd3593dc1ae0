"""State `Detect labels`: ask the model what it sees in one image."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow import timestamps
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Shelf
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection
from workflow.pipeline.detection import Detector


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    shelf: Shelf | None = None,
    detector: Detector | None = None,
    policy: RoutingPolicy | None = None,
) -> dict[str, Any]:
    logger.append_keys(inspection_id=event["inspection_id"])
    answer = detection.detect(
        ledger or wiring.ledger(),
        shelf or wiring.shelf(),
        detector or wiring.detector(),
        policy or wiring.parameters().routing_policy(setting("POLICY_PARAMETER")),
        event["inspection_id"],
        event["execution"],
        timestamps.now(),
    )
    metrics.add_metric(f"detection_{answer['outcome']}", MetricUnit.Count, 1)
    broken = answer.get("broken", False)
    if broken:
        metrics.add_metric("model_broken", MetricUnit.Count, 1)
    tell = logger.error if broken else logger.info
    tell("detected", extra={"answer": answer})
    return answer
