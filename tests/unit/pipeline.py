"""A pipeline in memory: every port, and each state as the state machine and the queues call it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tests.camera_photos import in_memory_cameras
from tests.crafted import png
from tests.fakes import (
    FakeDetector,
    InMemoryExecutions,
    InMemoryInspectionRepository,
    InMemoryMessageQueue,
    InMemoryObjectStore,
    InMemoryReferenceRepository,
    InMemoryTaskTokenStore,
)
from tests.model_world import InMemoryCapacityStore, InMemoryControlPlane, arn_of
from tests.references import meter
from workflow import timestamps
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.model import ModelStatus
from workflow.models.parked_photos import Waker, wake_parked
from workflow.photos.measures import PhotoMeter
from workflow.pipeline import claim, detection, filing, parking
from workflow.pipeline.detection import ModelAnswer
from workflow.pipeline.executions import execution_input, execution_name
from workflow.recovery import decision_delivery
from workflow.recovery.consistency import ConsistencyReport, check
from workflow.recovery.reconcile import Reconciler, find_issues, reconcile
from workflow.review import decisions

PHOTO = png()
SHA256 = hashlib.sha256(PHOTO).hexdigest()
KEY = "line 1/pump #7.png"
INBOUND, FILED = "inbound", "filed"
UPLOADED_AT = "2026-01-01T00:00:00.000Z"
NOW = "2026-01-01T01:00:00.000Z"
MODEL = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/1/1"
POLICY = RoutingPolicy(
    version="2026-01",
    labels={"ok_front": LabelRule(Verdict.OK, 0.9), "def_front": LabelRule(Verdict.DEFECT, 0.8)},
    review_seconds=3600,
)


def scores(**confidences: float) -> ModelAnswer:
    """Build a model's answer."""
    return ModelAnswer(tuple(Score(label, confidence) for label, confidence in confidences.items()), MODEL)


CLEARLY_OK = scores(ok_front=0.97, def_front=0.03)
CLEARLY_DEFECT = scores(ok_front=0.05, def_front=0.95)
UNSURE = scores(ok_front=0.55, def_front=0.45)


@dataclass(frozen=True)
class Pipeline:
    """The ports of a pipeline in memory. `file` can be a wrong variant of filing.file_photo."""

    detector: Any = field(default_factory=lambda: FakeDetector(CLEARLY_OK))
    objects: Any = field(default_factory=InMemoryObjectStore)
    inspections: Any = field(default_factory=InMemoryInspectionRepository)
    task_tokens: Any = field(default_factory=InMemoryTaskTokenStore)
    wake_tokens: Any = field(default_factory=InMemoryTaskTokenStore)
    capacity_store: Any = field(default_factory=InMemoryCapacityStore)
    control_plane: Any = field(default_factory=lambda: InMemoryControlPlane(autumn=ModelStatus.RUNNING))
    executions: Any = field(default_factory=InMemoryExecutions)
    decisions: Any = field(default_factory=InMemoryMessageQueue)
    escalations: Any = field(default_factory=InMemoryMessageQueue)
    verdicts: Any = field(default_factory=InMemoryMessageQueue)
    references: Any = field(default_factory=InMemoryReferenceRepository)
    cameras: Any = field(default_factory=in_memory_cameras)
    meter: PhotoMeter = field(default_factory=meter)
    policy: RoutingPolicy = POLICY
    file: Callable[..., Any] = filing.file_photo

    @property
    def tasks(self) -> Any:
        return self.executions

    def through(self, wrap: Callable[[str, Any], Any]) -> "Pipeline":
        """Return the same pipeline with every port wrapped."""
        ports = [item.name for item in fields(self) if item.name not in ("meter", "policy", "file")]
        return replace(self, **{name: wrap(name, getattr(self, name)) for name in ports})

    def upload(self, content: bytes = PHOTO, key: str = KEY, **how: Any) -> Image:
        return self.objects.upload(INBOUND, key, content, **how)

    def start(self, image: Image, attempt: int = 1) -> str:
        """Start an execution and return its name."""
        name = execution_name(inspection_id(image), attempt)
        self.executions.start(name, execution_input(image, UPLOADED_AT, attempt))
        return name

    def begin(self, image: Image, attempt: int = 1) -> str:
        """Start an execution that claims the image, and return its name."""
        name = self.start(image, attempt)
        self.claim(image, name, attempt)
        return name

    def claim(self, image: Image, owner: str, attempt: int = 1) -> str:
        return claim.claim_upload(
            self.inspections,
            self.objects,
            self.meter,
            image=image,
            owner=owner,
            attempt=attempt,
            uploaded_at=UPLOADED_AT,
        )

    def detect(self, image: Image, owner: str, waited: float = 0, **how: Any) -> dict[str, Any]:
        row = self.inspections.get(inspection_id(image))
        now = timestamps.add_seconds(row.claimed_at if row else timestamps.now(), waited)
        return detection.detect(
            self.inspections,
            self.objects,
            self.detector,
            references=self.references,
            cameras=self.cameras,
            policy=self.policy,
            inspection_id=inspection_id(image),
            owner=owner,
            now=now,
            **how,
        )

    def park(self, image: Image, owner: str, token: str, waiting: Any, park: Any = parking.park) -> None:
        """Park a photo after the detection that found no model, by `park` or a wrong variant of it."""
        park(
            self.inspections,
            self.wake_tokens,
            self.executions,
            lambda: self.detect(image, owner, stay_parked=True),
            inspection_id=inspection_id(image),
            owner=owner,
            token=token,
            waiting=waiting,
        )

    def parked(self, image: Image, token: str = "wake-1", **how: Any) -> str:  # noqa: S107
        """Inspect an image until it is parked. Return the execution's name."""
        owner = self.start(image)
        self.executions.live_tokens.add(token)
        self.claim(image, owner)
        self.park(image, owner, token, self.detect(image, owner), **how)
        return owner

    def wake_parked(self, sleep: Callable[[float], None] = lambda _seconds: None) -> int:
        """Wake parked photos, as the capacity manager does."""
        waker = Waker(inspections=self.inspections, tokens=self.wake_tokens, tasks=self.executions)
        detector, arn = (lambda: self.detector), arn_of("autumn")
        return wake_parked(waker, self.control_plane, detector, arn, time_left=lambda: True, sleep=sleep)

    def move(self, image: Image, owner: str, target: str) -> dict[str, Any]:
        return self.file(
            self.inspections, self.objects, FILED, inspection_id(image), owner, filing.FilingTarget(target)
        )

    def ask(self, image: Image, owner: str, token: str) -> None:
        decisions.open_review(
            self.inspections,
            self.task_tokens,
            self.decisions,
            inspection_id=inspection_id(image),
            owner=owner,
            token=token,
            seconds=3600,
        )

    def escalate(self, image: Image, owner: str) -> dict[str, Any]:
        return decisions.escalate(self.inspections, self.escalations, inspection_id(image), owner)

    def decide(
        self, image: Image, verdict: Verdict, reviewer: str = "ann", reason: str = "", **how: Any
    ) -> Any:
        return decisions.decide(
            self.inspections,
            self.decisions,
            inspection_id(image),
            verdict=verdict,
            reviewer=reviewer,
            reason=reason,
            **how,
        )

    def deliver(self, image: Image) -> str:
        return decision_delivery.deliver(
            self.inspections, self.task_tokens, self.executions, self.decisions, inspection_id(image)
        )

    def close(self, image: Image, owner: str) -> None:
        self.inspections.close(inspection_id(image), owner, timestamps.now())

    def row(self, image: Image) -> Inspection:
        row = self.inspections.get(inspection_id(image))
        assert row is not None, "it is not claimed"
        return row

    def waiting(self, image: Image, token: str = "token-1") -> str:  # noqa: S107
        """Inspect an image until its review is open. Return the execution's name."""
        owner = self.begin(image)
        self.executions.live_tokens.add(token)
        self.detect(image, owner)
        self.move(image, owner, "unclear")
        self.ask(image, owner, token)
        return owner

    def inspected(self, image: Image) -> str:
        """Inspect an image to the end without a person. Return the execution's name."""
        owner = self.start(image)
        unreadable = self.claim(image, owner) == "unreadable"
        self.finish(image, "rejected" if unreadable else self.detect(image, owner)["verdict"])
        return owner

    def finish(self, image: Image, target: str = "reviewed") -> Inspection:
        """File, announce and close an inspection, and end its execution."""
        owner = self.row(image).owner
        self.verdicts.send(self.move(image, owner, target)["announcement"])
        self.close(image, owner)
        self.executions.statuses[owner] = "SUCCEEDED"
        return self.row(image)

    @property
    def reconciler(self) -> Reconciler:
        return Reconciler(
            inspections=self.inspections,
            objects=self.objects,
            executions=self.executions,
            delivery_queue=self.decisions,
        )

    def check(self, history: str = "") -> ConsistencyReport:
        return check(self.inspections, self.objects, self.executions, INBOUND, FILED, history=history)

    def reconcile(self, **limits: int) -> dict[str, int]:
        """Repair as the scheduled run does."""
        reconciler = replace(self.reconciler, **limits)
        return reconcile(reconciler, find_issues(reconciler, INBOUND))
