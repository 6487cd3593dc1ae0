"""By the clock: keep what was inspected findable and readable, after AWS forgot it too."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow.aws.archive import S3Archive
from workflow.history.archiver import Keeper, keep

MARGIN_MS = 10_000


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext, keeper: Keeper | None = None) -> dict[str, int]:
    counts = keep(keeper or _keeper(), lambda: context.get_remaining_time_in_millis() > MARGIN_MS)
    for name, count in counts.items():
        metrics.add_metric(f"history_{name.replace(' ', '_')}", MetricUnit.Count, count)
    metrics.add_metric("history_runs", MetricUnit.Count, 1)
    logger.info("kept", extra={"counts": counts})
    return counts


def _keeper() -> Keeper:
    executions = wiring.executions()
    return Keeper(
        wiring.ledger(), wiring.books(), S3Archive(setting("HISTORY_BUCKET")), wiring.histories(), executions
    )
