"""Queue `commands`, and by the clock: do what engineers asked of inspections, at a bounded rate."""

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.wiring import logger, metrics, setting, tracer
from workflow.aws.commands import DynamoCommands
from workflow.aws.ledger import DynamoLedger
from workflow.aws.search import DynamoSearch
from workflow.history.search import Search
from workflow.recovery import command_handlers
from workflow.recovery.commands import Commands, Hands, obey_all
from workflow.recovery.reconcile import Mender

MARGIN_MS = 10_000


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(
    event: dict[str, Any],
    context: LambdaContext,
    commands: Commands | None = None,
    search: Search | None = None,
    hands: Hands | None = None,
) -> dict[str, Any]:
    """The message is a hint: what is open is looked up, so that a lost one only costs a minute."""
    books = commands or DynamoCommands(setting("COMMAND_TABLE"), setting("AUDIT_TABLE"))
    finder = search or DynamoSearch(setting("LEDGER_TABLE"), setting("NAMES_TABLE"))
    tried = 0
    for command in obey_all(
        books,
        finder,
        hands or _hands(),
        lambda: context.get_remaining_time_in_millis() > MARGIN_MS,
        time.sleep,
    ):
        tried += command.tried
        facts = {"done": command.done, "refused": command.refused, "ended": bool(command.ended_at)}
        logger.info("command", extra={"id": command.id, "kind": command.kind.value, **facts})
    metrics.add_metric("commands_tried", MetricUnit.Count, tried)
    return {"batchItemFailures": []}


def _hands() -> Hands:
    ledger = DynamoLedger(setting("LEDGER_TABLE"), setting("AUDIT_TABLE"))
    mender = Mender(ledger, wiring.shelf(), wiring.executions(), wiring.queue("DECISION_QUEUE_URL"))
    return command_handlers.hands(mender, wiring.executions())
