"""SQS queues: those that functions, people and other systems read, and the dead-letter queues."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.tables import to_logical_id
from lambdas import catalog

MAX_RECEIVES = 20


class Queues(Construct):
    """One queue per name of lambdas.catalog.QUEUES.

    A queue that feeds a function has a dead-letter queue and hides a message for six times the function's
    timeout, as Lambda recommends. Messages are JSON. docs/verdict-message.md has the schema of `verdicts`.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.dead_letter_queues: dict[str, sqs.Queue] = {}
        self.by_name: dict[str, sqs.Queue] = {}
        timeouts = {
            function.queue: function.timeout_seconds for function in catalog.FUNCTIONS if function.queue
        }
        for name in catalog.QUEUES:
            self._add(name, timeouts.get(name, 0))

    def _add(self, name: str, timeout_seconds: int) -> None:
        dead_letter_queue = visibility_timeout = None
        if timeout_seconds:
            self.dead_letter_queues[name] = _build_queue(self, f"{to_logical_id(name)}DeadLetters")
            dead_letter_queue = sqs.DeadLetterQueue(
                queue=self.dead_letter_queues[name], max_receive_count=MAX_RECEIVES
            )
            visibility_timeout = Duration.seconds(6 * timeout_seconds)
        self.by_name[name] = _build_queue(self, to_logical_id(name), dead_letter_queue, visibility_timeout)


def _build_queue(
    scope: Construct,
    construct_id: str,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
    visibility_timeout: Duration | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        dead_letter_queue=dead_letter_queue,
        visibility_timeout=visibility_timeout,
    )
