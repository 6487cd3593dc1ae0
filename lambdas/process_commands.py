"""Queue `commands`, and scheduled: execute the commands that engineers submitted, at a bounded rate."""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow.history.search import InspectionSearch
from workflow.recovery import command_handlers
from workflow.recovery.commands import CommandHandlers, CommandRepository, process_all
from workflow.recovery.reconcile import Reconciler

MARGIN_MS = 10_000


@observed
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    commands: CommandRepository | None = None,
    search: InspectionSearch | None = None,
    handlers: CommandHandlers | None = None,
) -> dict[str, Any]:
    """Process open commands until ten seconds are left.

    Trigger: a message of the queue, or every minute. The input is ignored: open commands are read from the
    table, so a lost message costs at most a minute. Output: no failed messages. Idempotent: each command
    stores its progress and resumes there.
    """
    attempted = 0
    for command in process_all(
        commands or production().commands,
        search or production().search,
        handlers or _build_handlers(),
        lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
        time.sleep,
    ):
        attempted += command.attempted
        progress = {"done": command.done, "refused": command.refused, "ended": bool(command.ended_at)}
        logger.info("command", extra={"id": command.id, "kind": command.kind.value, **progress})
    metrics.add_metric("commands_tried", MetricUnit.Count, attempted)
    return {"batchItemFailures": []}


def _build_handlers() -> CommandHandlers:
    reconciler = Reconciler(
        inspections=production().inspections,
        objects=production().objects,
        executions=production().executions,
        delivery_queue=production().message_queue("DECISION_QUEUE_URL"),
    )
    return command_handlers.build_handlers(reconciler, production().executions)
