"""Queue `commands`, and scheduled: execute the commands that engineers submitted, at a bounded rate."""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.container import production
from lambdas.observability import logger, metrics, observed
from workflow import timestamps
from workflow.history.search import InspectionSearch
from workflow.recovery import command_handlers
from workflow.recovery.commands import Command, CommandHandlers, CommandRepository, process_all
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
    table, so a lost message costs at most a minute. While another call processes commands, this one does
    nothing. Output: no failed messages. Idempotent: each command stores its progress and resumes there.
    """
    repository, inspection_search = commands or production().commands, search or production().search
    attempted, now, actions = 0, timestamps.now(), handlers or _build_handlers()
    until = timestamps.add_seconds(now, context.get_remaining_time_in_millis() / 1000)
    if repository.lock(context.aws_request_id, now, until):
        try:
            for command in process_all(
                repository,
                inspection_search,
                actions,
                lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
                time.sleep,
            ):
                attempted += command.attempted
                _log(command)
        finally:
            repository.unlock(context.aws_request_id)
    metrics.add_metric("commands_tried", MetricUnit.Count, attempted)
    return {"batchItemFailures": []}


def _log(command: Command) -> None:
    progress = {"done": command.done, "refused": command.refused, "ended": bool(command.ended_at)}
    logger.info("command", extra={"id": command.id, "kind": command.kind.value, **progress})


def _build_handlers() -> CommandHandlers:
    reconciler = Reconciler(
        inspections=production().inspections,
        objects=production().objects,
        executions=production().executions,
        delivery_queue=production().message_queue("DECISION_QUEUE_URL"),
    )
    return command_handlers.build_handlers(reconciler, production().executions)
