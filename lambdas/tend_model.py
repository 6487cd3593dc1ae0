"""By the clock: count what the model costs, start or stop it, and raise an alarm when it is broken."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow import timestamps
from workflow.aws.model_settings import ParameterSettings
from workflow.inspections.inspection import Ledger
from workflow.models import capacity
from workflow.models.capacity import Room
from workflow.models.promotion import Settings
from workflow.review.decisions import Queue


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    ledger: Ledger | None = None,
    escalations: Queue | None = None,
    settings: Settings | None = None,
    room: Room | None = None,
) -> str:
    name = setting("MODEL_PARAMETER")
    books, alarms = ledger or wiring.ledger(), escalations or wiring.queue("ESCALATION_QUEUE_URL")
    parameters = settings or ParameterSettings(name)
    bench = room or wiring.power_room(setting("LEDGER_TABLE"), setting("AUDIT_TABLE"))
    done = capacity.tend(bench, books, alarms, parameters.model(), parameters.power(), timestamps.now())
    meter = bench.store.meter()
    units = sum(units for _, units in meter.running.values())
    metrics.add_metric("model_cost_today_usd", MetricUnit.NoUnit, meter.spent_usd)
    metrics.add_metric("model_units_running", MetricUnit.Count, units)
    logger.info("tended", extra={"done": done})
    return done
