"""What the review app reaches: the ledger, the photos, and a queue for hints; never a task token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from review_app.past import Past
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Shelf
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models.capacity import Meter
from workflow.recovery.commands import Commands
from workflow.review.decisions import Queue
from workflow.review.queue import Reviews


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside of the app; tests give it memory, `on_aws` gives it the services."""

    ledger: Ledger
    reviews: Reviews
    shelf: Shelf
    decisions: Queue
    policy: Callable[[], RoutingPolicy]
    past: Past
    commands: Commands
    command_queue: Queue
    meter: Callable[[], Meter]
    depths: Mapping[str, Callable[[], int]]


def on_aws(variables: Mapping[str, str]) -> Ports:
    """The ports of the line that the environment names."""
    from workflow.aws.archive import InvokedHistories, S3Archive
    from workflow.aws.commands import DynamoCommands
    from workflow.aws.figures import DynamoFigures
    from workflow.aws.ledger import DynamoLedger
    from workflow.aws.logs import InvokedLogs
    from workflow.aws.parameters import Parameters
    from workflow.aws.power_store import DynamoPowerStore
    from workflow.aws.queues import SqsQueue
    from workflow.aws.reviews import DynamoReviews
    from workflow.aws.search import DynamoSearch
    from workflow.aws.shelf import S3Shelf

    parameters = Parameters()
    decisions = SqsQueue(variables["DECISION_QUEUE_URL"])
    command_queue = SqsQueue(variables["COMMAND_QUEUE_URL"])
    return Ports(
        DynamoLedger(variables["LEDGER_TABLE"], variables["AUDIT_TABLE"]),
        DynamoReviews(variables["LEDGER_TABLE"], variables["AUDIT_TABLE"]),
        S3Shelf(),
        decisions,
        lambda: parameters.routing_policy(variables["POLICY_PARAMETER"]),
        Past(
            DynamoSearch(variables["LEDGER_TABLE"], variables["NAMES_TABLE"]),
            S3Archive(variables["HISTORY_BUCKET"]),
            InvokedHistories(variables["READ_HISTORY_FUNCTION"]),
            DynamoFigures(variables["FIGURES_TABLE"]),
            InvokedLogs(variables["READ_HISTORY_FUNCTION"]),
        ),
        DynamoCommands(variables["COMMAND_TABLE"], variables["AUDIT_TABLE"]),
        command_queue,
        DynamoPowerStore(variables["LEDGER_TABLE"]).meter,
        {
            "intake": SqsQueue(variables["INTAKE_QUEUE_URL"]).depth,
            "decisions": decisions.depth,
            "escalations": SqsQueue(variables["ESCALATION_QUEUE_URL"]).depth,
            "commands": command_queue.depth,
        },
    )
