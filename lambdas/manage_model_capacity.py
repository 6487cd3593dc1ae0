"""Scheduled: count the model's cost, start or stop the model, and raise an alarm if it failed."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.inspections.repository import InspectionQueries
from workflow.models import capacity_manager
from workflow.models.capacity_manager import CapacityPorts
from workflow.models.promotion import ModelSettings
from workflow.review.decisions import MessageQueue


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    inspections: InspectionQueries | None = None,
    escalations: MessageQueue | None = None,
    settings: ModelSettings | None = None,
    capacity_ports: CapacityPorts | None = None,
) -> str:
    """Count the model's cost, start or stop the model, and raise an alarm if it failed.

    Trigger: every minute; the input is ignored. Output: the action in a few words. Idempotent: the meter is
    saved conditionally, and an alarm that was sent but not recorded is sent again.
    """
    settings = settings or production().model_settings
    ports = capacity_ports or production().capacity_ports
    action = capacity_manager.run_once(
        ports=ports,
        inspections=inspections or production().inspections,
        alarms=escalations or production().message_queue("ESCALATION_QUEUE_URL"),
        arn=settings.get_model(),
        policy=settings.get_capacity_policy(),
        now=timestamps.now(),
    )
    meter = ports.store.load_meter()
    units = sum(units for _, units in meter.running.values())
    metrics.add_metric("model_cost_today_usd", MetricUnit.NoUnit, meter.spent_usd)
    metrics.add_metric("model_units_running", MetricUnit.Count, units)
    logger.info("managed", extra={"action": action})
    return action
