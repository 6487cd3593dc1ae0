"""In-memory services behind the review app: photos for review, and the delivery of decisions."""

import io
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from PIL import Image as PillowImage

from review_app.container import Container
from review_app.executions.history_services import HistoryServices
from tests.fakes import (
    FakeDetector,
    InMemoryArchiveIndex,
    InMemoryCommandRepository,
    InMemoryExecutionArchive,
    InMemoryHistorySource,
    InMemoryInspectionRepository,
    InMemoryInspectionSearch,
    InMemoryMessageQueue,
    InMemoryReviewRepository,
    InMemoryStepLogs,
)
from tests.unit.pipeline import POLICY, UNSURE, Pipeline
from workflow.aws.camera_statuses import DynamoCameraStatusRepository
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.models.capacity_manager import UsageMeter
from workflow.recovery.decision_delivery import DeliveryOutcome
from workflow.tables import CAMERAS


def jpeg(shade: int = 120, side: int = 96) -> bytes:
    """Encode a photo that differs from others by its shade."""
    buffer = io.BytesIO()
    PillowImage.new("L", (side, side), shade).save(buffer, "JPEG")
    return buffer.getvalue()


class Synchronized:
    """A wrapper that makes every call of a fake atomic, as DynamoDB's calls are, and counts the calls."""

    def __init__(self, inner: Any, lock: Any) -> None:
        self._inner, self._lock = inner, lock
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                result = attribute(*arguments, **named)
                self.calls[name] += 1
                return list(result) if hasattr(result, "__next__") else result

        return call


@dataclass(frozen=True, kw_only=True)
class World:
    """All services behind an app in tests."""

    pipeline: Pipeline
    inspections: Any
    reviews: Any
    lock: Any = field(default_factory=threading.RLock)
    archive: Any = field(default_factory=InMemoryExecutionArchive)
    history_source: Any = field(default_factory=InMemoryHistorySource)
    metrics: Any = field(default_factory=lambda: InMemoryArchiveIndex(InMemoryInspectionRepository()))
    logs: Any = field(default_factory=InMemoryStepLogs)
    commands: Any = field(default_factory=InMemoryCommandRepository)
    command_queue: Any = field(default_factory=InMemoryMessageQueue)
    meter: UsageMeter = field(default_factory=UsageMeter)

    @classmethod
    def new(cls) -> "World":
        pipeline, lock = Pipeline(detector=FakeDetector(UNSURE)), threading.RLock()
        return cls(
            pipeline=pipeline,
            inspections=Synchronized(pipeline.inspections, lock),
            reviews=Synchronized(InMemoryReviewRepository(pipeline.inspections), lock),
            lock=lock,
        )

    @property
    def container(self) -> Container:
        return Container(
            inspections=self.inspections,
            reviews=self.reviews,
            objects=self.pipeline.objects,
            decision_queue=self.pipeline.decisions,
            routing_policy=lambda: POLICY,
            history=HistoryServices(
                search=InMemoryInspectionSearch(self.pipeline.inspections),
                archive=self.archive,
                source=self.history_source,
                metrics=self.metrics,
                logs=self.logs,
            ),
            commands=self.commands,
            command_queue=self.command_queue,
            meter=lambda: self.meter,
            cameras=self.pipeline.cameras,
            camera_statuses=self.camera_statuses,
            queue_depths={
                "intake": lambda: 0,
                "decisions": lambda: len(self.pipeline.decisions.sent),
                "escalations": lambda: 0,
                "commands": lambda: 0,
            },
        )

    @property
    def camera_statuses(self) -> DynamoCameraStatusRepository:
        return DynamoCameraStatusRepository(CAMERAS.name, self.pipeline.cameras._dynamodb)

    def row(self, inspection: str) -> Inspection:
        row: Inspection = self.pipeline.inspections.rows[inspection]
        return row

    def add_waiting(self, *keys: str, content: bytes = b"") -> list[str]:
        """Add photos that are pending review; return the inspections' ids."""
        ids = []
        for number, key in enumerate(keys):
            image = self.pipeline.upload(content or jpeg(number * 7 % 250), key=key)
            with self.lock:
                self.pipeline.waiting(image, f"token of {key} {image.version_id}")
            ids.append(inspection_id(image))
        return ids

    def add_decided(self, key: str, verdict: Verdict = Verdict.OK, reviewer: str = "bob", **how: Any) -> str:
        """Add a photo that a reviewer decided and that is filed and announced; return the inspection's id."""
        (inspection,) = self.add_waiting(key)
        self.pipeline.decide(self.row(inspection).image, verdict, reviewer, **how)
        self.deliver_decisions()
        return inspection

    def deliver_decisions(self) -> list[str]:
        """Deliver all decisions that are due and end their executions; return the closed inspections."""
        closed = []
        with self.lock:
            for row in list(self.pipeline.inspections.rows.values()):
                if row.decision is not None and not row.closed_at and self._end(row.image, row.owner):
                    closed.append(row.id)
        return closed

    def _end(self, image: Image, owner: str) -> bool:
        if self.pipeline.deliver(image) not in (DeliveryOutcome.DELIVERED, DeliveryOutcome.IN_PROGRESS):
            return False
        filed = self.pipeline.move(image, owner, "reviewed")
        self.pipeline.verdicts.send(filed["announcement"])
        self.pipeline.close(image, owner)
        self.pipeline.executions.statuses[owner] = "SUCCEEDED"
        return True
