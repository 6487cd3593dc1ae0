"""What the review app reaches: the ledger, the photos, and a queue for hints; never a task token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workflow.images import Shelf
from workflow.inspection import Ledger
from workflow.policy import RoutingPolicy
from workflow.review import Queue
from workflow.review_queue import Reviews


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside of the app; tests give it memory, `on_aws` gives it the services."""

    ledger: Ledger
    reviews: Reviews
    shelf: Shelf
    decisions: Queue
    policy: Callable[[], RoutingPolicy]


def on_aws(variables: Mapping[str, str]) -> Ports:
    """The ports of the line that the environment names."""
    from workflow.aws.ledger import DynamoLedger
    from workflow.aws.parameters import Parameters
    from workflow.aws.queues import SqsQueue
    from workflow.aws.reviews import DynamoReviews
    from workflow.aws.shelf import S3Shelf

    parameters = Parameters()
    return Ports(
        DynamoLedger(variables["LEDGER_TABLE"], variables["AUDIT_TABLE"]),
        DynamoReviews(variables["LEDGER_TABLE"], variables["AUDIT_TABLE"]),
        S3Shelf(),
        SqsQueue(variables["DECISION_QUEUE_URL"]),
        lambda: parameters.routing_policy(variables["POLICY_PARAMETER"]),
    )
