"""Scheduled: archive execution histories before Step Functions deletes them, and index them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow.history.archiver import Archiver
from workflow.history.archiver import archive_executions as archive

MARGIN_MS = 10_000


@observed
def handler(
    event: dict[str, Any], context: LambdaContext, archiver: Archiver | None = None
) -> dict[str, int]:
    """Archive executions, and update the name index and the metrics, until ten seconds are left.

    Trigger: every minute; the input is ignored. Output: counts by outcome. Idempotent: an archived row is not
    counted twice, and the next run archives the rest.
    """
    counts = archive(
        archiver or _build_archiver(), lambda: context.get_remaining_time_in_millis() > MARGIN_MS
    )
    for name, count in counts.items():
        metrics.add_metric(f"history_{name.replace(' ', '_')}", MetricUnit.Count, count)
    metrics.add_metric("history_runs", MetricUnit.Count, 1)
    logger.info("archived", extra={"counts": counts})
    return counts


def _build_archiver() -> Archiver:
    return Archiver(
        inspections=production().inspections,
        index=production().archive_index,
        archive=production().archive,
        history_source=production().history_source,
        failure_source=production().executions,
    )
