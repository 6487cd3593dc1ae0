"""In-memory ports of the models: a control plane with legal transitions, an event log, settings, a store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tests.unit.datasets.bucket_client import BucketClient
from workflow import timestamps
from workflow.aws.own_models import S3OwnModels, describe_training
from workflow.inspections.model_reference import ModelReference
from workflow.models.capacity_manager import UsageMeter
from workflow.models.capacity_policy import DISABLED, CapacityPolicy, parse_capacity_policy
from workflow.models.model import (
    ACTIVE_STATUSES,
    MAX_RUNNING_MODELS,
    STARTABLE_STATUSES,
    ModelKind,
    ModelStatus,
    ModelVersion,
    MonotonicClock,
    RequestResult,
    kind_of,
    project_name,
)
from workflow.models.promotion import ModelAction, ModelEvent, ModelRegistry
from workflow.models.reference_update import ReferenceProposal

MONDAY = "2026-01-05T00:00:00.000Z"


def arn_of(name: str, project: str = "parts") -> str:
    return f"arn:aws:rekognition:eu-central-1:123456789012:project/{project}/version/{name}/1700000000000"


def add_own_model(name: str, content: bytes = b"", own: S3OwnModels | None = None) -> tuple[S3OwnModels, str]:
    """Store an own model of the project parts; return the store and the model's ARN."""
    own = own or S3OwnModels("training", BucketClient())
    return own, own.put("parts", name, content, describe_training("", "", 7))


class InMemoryControlPlane:
    """A ModelControlPlane: a start takes five minutes, a stop one; calls are counted by second."""

    def __init__(self, **statuses: ModelStatus) -> None:
        self.seconds = 0.0
        self.versions = {
            arn_of(name): ModelVersion(arn=arn_of(name), status=status) for name, status in statuses.items()
        }
        self.own = S3OwnModels("training", BucketClient())
        self.calls: list[tuple[int, str]] = []
        self.starts: list[str] = []
        self.max_active = 0
        self.start_result = ModelStatus.RUNNING
        self._due: dict[str, tuple[float, ModelStatus]] = {}

    @property
    def clock(self) -> MonotonicClock:
        return MonotonicClock(lambda: self.seconds, self.sleep)

    @property
    def now(self) -> str:
        return timestamps.add_seconds(MONDAY, self.seconds)

    @property
    def busiest_second(self) -> int:
        return max(Counter(second for second, _ in self.calls).values(), default=0)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def status(self, name: str) -> ModelStatus:
        self._apply_transitions()
        return self.versions[arn_of(name)].status

    def describe(self, arn: str) -> ModelVersion | None:
        self._count_call("describe")
        return self.own.describe(arn) if kind_of(arn) is ModelKind.OWN else self.versions.get(arn)

    def list_projects(self) -> list[str]:
        self._count_call("projects")
        return sorted({project_name(arn) for arn in self.versions})

    def list_versions(self, project: str) -> list[ModelVersion]:
        self._count_call("list")
        versions = [version for version in self.versions.values() if project_name(version.arn) == project]
        return [*versions, *self.own.list_versions(project)]

    def get_project_arn(self, name: str) -> str | None:
        self._count_call("get_project_arn")
        return f"arn:aws:rekognition:eu-central-1:123456789012:project/{name}/1700000000000"

    def train(self, project: str, version: str, _bucket: str, _prefix: str) -> str:
        """Train for an hour."""
        self._count_call("train")
        arn = arn_of(version, project.split("/")[1])
        self.versions[arn] = ModelVersion(arn=arn, status=ModelStatus.TRAINING_IN_PROGRESS)
        self._due[arn] = (self.seconds + 3600, ModelStatus.TRAINING_COMPLETED)
        return arn

    def start(self, arn: str, units: int = 1) -> RequestResult:
        self._count_call("start")
        self.starts.append(arn)
        if arn not in self.versions:
            return RequestResult.GONE
        if self.versions[arn].status not in STARTABLE_STATUSES:
            return RequestResult.IN_USE
        if self._count_active() >= MAX_RUNNING_MODELS:
            return RequestResult.LIMIT
        self.versions[arn] = replace(self.versions[arn], status=ModelStatus.STARTING, units=units)
        self._due[arn] = (self.seconds + 300, self.start_result)
        self.max_active = max(self.max_active, self._count_active())
        return RequestResult.ACCEPTED

    def stop(self, arn: str) -> RequestResult:
        self._count_call("stop")
        if self.versions[arn].status is not ModelStatus.RUNNING:
            return RequestResult.IN_USE
        self.versions[arn] = replace(self.versions[arn], status=ModelStatus.STOPPING)
        self._due[arn] = (self.seconds + 60, ModelStatus.STOPPED)
        return RequestResult.ACCEPTED

    def _count_active(self) -> int:
        return sum(version.status in ACTIVE_STATUSES for version in self.versions.values())

    def _count_call(self, name: str) -> None:
        self.calls.append((int(self.seconds), name))
        self._apply_transitions()

    def _apply_transitions(self) -> None:
        for arn, (at, status) in list(self._due.items()):
            if self.seconds >= at:
                self.versions[arn] = replace(self.versions[arn], status=status, message=f"now {status}")
                del self._due[arn]


class InMemoryEventLog:
    """A ModelEventLog."""

    def __init__(self) -> None:
        self.all: list[ModelEvent] = []

    def add(self, event: ModelEvent) -> None:
        self.all.append(event)

    def events(self, *actions: ModelAction) -> list[ModelEvent]:
        return [event for event in self.all if not actions or event.action in actions]

    @property
    def actions_and_reasons(self) -> list[tuple[str, str]]:
        return [(event.action, event.reason) for event in self.all]


class InMemoryModelSettings:
    """ModelSettings; `on_switch` is called before a switch."""

    def __init__(self, model: str = "", policy: str = "old policy") -> None:
        self.arn, self.text = model, policy
        self.rules: CapacityPolicy = DISABLED
        self.on_switch: Callable[[str], None] = lambda _arn: None

    def get_model(self) -> str:
        return self.arn

    def get_routing_policy(self) -> str:
        return self.text

    def switch_model(self, arn: str, policy: str) -> None:
        self.on_switch(arn)
        self.arn, self.text = arn, policy

    def get_capacity_policy(self) -> CapacityPolicy:
        return self.rules

    def set_capacity_policy(self, text: str) -> None:
        self.rules = parse_capacity_policy(text)


class InMemoryCapacityStore:
    """A CapacityStore with DynamoDB's conditions."""

    def __init__(self) -> None:
        self.kept = UsageMeter()
        self.until = ""

    def load_meter(self) -> UsageMeter:
        return self.kept

    def save_meter(self, before: UsageMeter, after: UsageMeter) -> bool:
        if self.kept.counted_at and self.kept.counted_at != before.counted_at:
            return False
        self.kept = after
        return True

    def acquire_start_lock(self, now: str, until: str) -> bool:
        if self.until > now:
            return False
        self.until = until
        return True

    def set_start_lock(self, until: str) -> None:
        self.until = until


class InMemoryReferenceUpdates:
    """ReferenceUpdates by the model's ARN."""

    def __init__(self) -> None:
        self.open: dict[str, ReferenceProposal] = {}
        self.first: dict[str, ModelReference] = {}

    def get_proposal(self, model: str) -> ReferenceProposal | None:
        return self.open.get(model)

    def put_proposal(self, proposal: ReferenceProposal) -> None:
        self.open[proposal.model] = proposal

    def delete_proposal(self, model: str) -> None:
        self.open.pop(model, None)

    def get_first(self, model: str) -> ModelReference | None:
        return self.first.get(model)

    def put_first(self, reference: ModelReference) -> None:
        self.first[reference.model] = reference

    def delete_first(self, model: str) -> None:
        self.first.pop(model, None)


def build_registry(
    world: InMemoryControlPlane, settings: InMemoryModelSettings, record: InMemoryEventLog
) -> ModelRegistry:
    return ModelRegistry(
        control_plane=world,
        settings=settings,
        event_log=record,
        clock=world.clock,
        now=lambda: world.now,
        actor="ada",
        report_progress=lambda _text: None,
    )
