"""Queues: what functions read, what people and other systems read, and where what fails ends up."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.books import logical
from lambdas import catalog

RECEIVES = 20
FAILURES = "failures"


class Messages(Construct):
    """One queue for each of lambdas.catalog.QUEUES, one for executions that failed.

    A queue that feeds a function hides a message for six times the function's time, as Lambda asks, and has
    a dead-letter queue. Messages are JSON; docs/verdict-message.md has the schema of those in `verdicts`.
    """

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.dead: dict[str, sqs.Queue] = {}
        self.queues: dict[str, sqs.Queue] = {}
        seconds = {
            function.queue: function.timeout_seconds for function in catalog.FUNCTIONS if function.queue
        }
        for queue in catalog.QUEUES:
            self._add(queue, seconds.get(queue, 0), RECEIVES)
        self._add(FAILURES, catalog.RECONCILE.timeout_seconds, 3)

    def _add(self, name: str, function_seconds: int, receives: int) -> None:
        last_resort = None
        if function_seconds:
            self.dead[name] = _queue(self, f"{logical(name)}Dead")
            last_resort = sqs.DeadLetterQueue(queue=self.dead[name], max_receive_count=receives)
        visible = Duration.seconds(6 * function_seconds) if function_seconds else None
        self.queues[name] = _queue(
            self, logical(name), dead_letter_queue=last_resort, visibility_timeout=visible
        )


def _queue(
    scope: Construct,
    name: str,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
    visibility_timeout: Duration | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        name,
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        dead_letter_queue=dead_letter_queue,
        visibility_timeout=visibility_timeout,
    )
