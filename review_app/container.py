"""The review app's adapters: tables, photos, archive and queues, but never task tokens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from review_app.executions.history_services import HistoryServices
from workflow.cameras.camera import CameraRepository
from workflow.cameras.monitoring import CameraStatusRepository
from workflow.inspections.objects import ObjectStore
from workflow.inspections.repository import InspectionDatabase
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.models.capacity_manager import UsageMeter
from workflow.recovery.commands import CommandRepository
from workflow.review.decisions import MessageQueue
from workflow.review.queue import ReviewRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """All dependencies of the app. `build_container` uses AWS; tests use in-memory services.

    `queue_depths` maps a queue's name to a function that returns its number of messages.
    """

    inspections: InspectionDatabase
    reviews: ReviewRepository
    objects: ObjectStore
    decision_queue: MessageQueue
    routing_policy: Callable[[], RoutingPolicy]
    history: HistoryServices
    commands: CommandRepository
    command_queue: MessageQueue
    meter: Callable[[], UsageMeter]
    cameras: CameraRepository
    camera_statuses: CameraStatusRepository
    queue_depths: Mapping[str, Callable[[], int]]


def build_container(variables: Mapping[str, str]) -> Container:
    """Build the adapters for the tables, buckets and queues that the environment variables name."""
    from workflow.aws.container import AwsContainer

    adapters = AwsContainer(variables)
    decision_queue = adapters.message_queue("DECISION_QUEUE_URL")
    command_queue = adapters.message_queue("COMMAND_QUEUE_URL")
    return Container(
        inspections=adapters.inspections,
        reviews=adapters.reviews,
        objects=adapters.objects,
        decision_queue=decision_queue,
        routing_policy=adapters.routing_policy,
        history=HistoryServices(
            search=adapters.search,
            archive=adapters.archive,
            source=adapters.remote_history_source,
            metrics=adapters.metrics,
            logs=adapters.remote_step_logs,
        ),
        commands=adapters.commands,
        command_queue=command_queue,
        meter=adapters.capacity_store.load_meter,
        cameras=adapters.cameras,
        camera_statuses=adapters.camera_statuses,
        queue_depths={
            "intake": adapters.message_queue("INTAKE_QUEUE_URL").depth,
            "decisions": decision_queue.depth,
            "escalations": adapters.message_queue("ESCALATION_QUEUE_URL").depth,
            "commands": command_queue.depth,
        },
    )
