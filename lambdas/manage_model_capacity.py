"""Scheduled: count the cost of the model, start or stop it, wake parked photos, and raise an alarm."""

import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.detectors import build_detector
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.deferred_errors import defer_errors
from workflow.inspections.inspection import InspectionState
from workflow.inspections.repository import InspectionQueries
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models import capacity_manager
from workflow.models.capacity_manager import CapacityPorts
from workflow.models.parked_photos import Waker, wake_parked
from workflow.models.promotion import ModelSettings
from workflow.pipeline.detection import Detector
from workflow.pipeline.executions import TaskCompleter, TaskTokenStore
from workflow.review.decisions import MessageQueue

MARGIN_MS = 10_000
MAX_COUNTED = 1_000


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionQueries | None = None,
    escalations: MessageQueue | None = None,
    settings: ModelSettings | None = None,
    capacity_ports: CapacityPorts | None = None,
    wake_tokens: TaskTokenStore | None = None,
    tasks: TaskCompleter | None = None,
    detector: Detector | None = None,
    policy: RoutingPolicy | None = None,
) -> str:
    """Count the model's cost, start or stop the model, raise an alarm if it failed, and wake parked photos.

    Trigger: every minute; the input is ignored. Output: the action in a few words. Idempotent: the meter is
    saved conditionally, an alarm that was sent but not recorded is sent again, and a task token wakes once.
    """
    settings, ports = settings or production().model_settings, capacity_ports or production().capacity_ports
    waker = _build_waker(inspections, wake_tokens, tasks)
    alarms = escalations or production().message_queue("ESCALATION_QUEUE_URL")
    get_detector = _detector_getter(policy, detector)
    action, woken = "failed", 0
    with defer_errors() as capture:
        with capture():
            action = capacity_manager.run_once(
                ports=ports,
                inspections=waker.inspections,
                alarms=alarms,
                arn=settings.get_model(),
                policy=settings.get_capacity_policy(),
                now=timestamps.now(),
            )
        with capture():
            woken = wake_parked(
                waker,
                ports.control_plane,
                get_detector,
                settings.get_model(),
                time_left=lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
                sleep=time.sleep,
            )
        _report(ports, waker.inspections, action, woken)
    return action


def _build_waker(
    inspections: InspectionQueries | None, tokens: TaskTokenStore | None, tasks: TaskCompleter | None
) -> Waker:
    return Waker(
        inspections=inspections or production().inspections,
        tokens=tokens or production().wake_tokens,
        tasks=tasks or production().tasks,
    )


def _detector_getter(policy: RoutingPolicy | None, detector: Detector | None) -> Callable[[], Detector]:
    """Return a function that raises ConfigurationError if the routing policy is unreadable."""
    if policy is None:
        production().setting("POLICY_PARAMETER")

    def get() -> Detector:
        _ = policy or production().routing_policy()
        return detector or production().detector(build_detector)

    return get


def _report(ports: CapacityPorts, inspections: InspectionQueries, action: str, woken: int) -> None:
    """Log the action, and publish the model's cost and units, and how many photos wait for it."""
    logger.info("managed", extra={"action": action, "woken": woken})
    meter = ports.store.load_meter()
    units = sum(units for _, units in meter.running.values())
    metrics.add_metric("model_cost_today_usd", MetricUnit.NoUnit, meter.spent_usd)
    metrics.add_metric("model_units_running", MetricUnit.Count, units)
    metrics.add_metric("photos_woken", MetricUnit.Count, woken)
    parked = inspections.count_recent(InspectionState.PARKED, "0", MAX_COUNTED)
    metrics.add_metric("photos_parked", MetricUnit.Count, parked)
