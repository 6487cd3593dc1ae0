"""The review app's adapters: tables, photos, archive and queues, but never task tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from review_app.executions.execution_history import ExecutionHistory
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models.capacity import UsageMeter
from workflow.recovery.commands import CommandRepository
from workflow.review.decisions import MessageQueue
from workflow.review.queue import ReviewRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """All dependencies of the app. `build_container` uses AWS; tests use in-memory services.

    `queue_depths` maps a queue's name to a function that returns its number of messages.
    """

    inspections: InspectionRepository
    reviews: ReviewRepository
    objects: ObjectStore
    decision_queue: MessageQueue
    routing_policy: Callable[[], RoutingPolicy]
    history: ExecutionHistory
    commands: CommandRepository
    command_queue: MessageQueue
    meter: Callable[[], UsageMeter]
    queue_depths: Mapping[str, Callable[[], int]]


def build_container(variables: Mapping[str, str]) -> Container:
    """Build the adapters for the tables, buckets and queues that the environment variables name."""
    from workflow.aws.archive import LambdaHistorySource, S3ExecutionArchive
    from workflow.aws.capacity_store import DynamoCapacityStore
    from workflow.aws.commands import DynamoCommandRepository
    from workflow.aws.inspections import DynamoInspectionRepository
    from workflow.aws.logs import LambdaStepLogs
    from workflow.aws.metrics import DynamoMetricsStore
    from workflow.aws.object_store import S3ObjectStore
    from workflow.aws.parameters import CachedParameterStore
    from workflow.aws.queues import SqsMessageQueue
    from workflow.aws.reviews import DynamoReviewRepository
    from workflow.aws.search import DynamoInspectionSearch

    parameters = CachedParameterStore()
    decision_queue = SqsMessageQueue(variables["DECISION_QUEUE_URL"])
    command_queue = SqsMessageQueue(variables["COMMAND_QUEUE_URL"])
    return Container(
        inspections=DynamoInspectionRepository(variables["INSPECTIONS_TABLE"], variables["AUDIT_TABLE"]),
        reviews=DynamoReviewRepository(variables["INSPECTIONS_TABLE"], variables["AUDIT_TABLE"]),
        objects=S3ObjectStore(),
        decision_queue=decision_queue,
        routing_policy=lambda: parameters.routing_policy(variables["POLICY_PARAMETER"]),
        history=ExecutionHistory(
            search=DynamoInspectionSearch(variables["INSPECTIONS_TABLE"], variables["NAME_INDEX_TABLE"]),
            archive=S3ExecutionArchive(variables["HISTORY_BUCKET"]),
            source=LambdaHistorySource(variables["GET_EXECUTION_HISTORY_FUNCTION"]),
            metrics=DynamoMetricsStore(variables["METRICS_TABLE"]),
            logs=LambdaStepLogs(variables["GET_EXECUTION_HISTORY_FUNCTION"]),
        ),
        commands=DynamoCommandRepository(variables["COMMAND_LOG_TABLE"], variables["AUDIT_TABLE"]),
        command_queue=command_queue,
        meter=DynamoCapacityStore(variables["INSPECTIONS_TABLE"]).load_meter,
        queue_depths={
            "intake": SqsMessageQueue(variables["INTAKE_QUEUE_URL"]).depth,
            "decisions": decision_queue.depth,
            "escalations": SqsMessageQueue(variables["ESCALATION_QUEUE_URL"]).depth,
            "commands": command_queue.depth,
        },
    )
