"""A line in memory as the review app meets it: photos that wait, and a relay that carries decisions on."""

import io
import threading
from dataclasses import dataclass, field
from typing import Any

from PIL import Image as Picture

from review_app.past import Past
from review_app.ports import Ports
from tests.fakes import (
    FakeDetector,
    MemoryArchive,
    MemoryBooks,
    MemoryCommands,
    MemoryHistories,
    MemoryLedger,
    MemoryLogs,
    MemoryQueue,
    MemoryReviews,
    MemorySearch,
)
from tests.unit.line import POLICY, UNSURE, Line
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.models.capacity import Meter
from workflow.recovery.delivery import Arrival


def jpeg(shade: int = 120, side: int = 96) -> bytes:
    """A photo that differs from others by its shade."""
    buffer = io.BytesIO()
    Picture.new("L", (side, side), shade).save(buffer, "JPEG")
    return buffer.getvalue()


class OneAtATime:
    """A fake whose every call is atomic, as every call of DynamoDB is."""

    def __init__(self, inner: Any, lock: Any) -> None:
        self._inner, self._lock = inner, lock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                answer = found(*arguments, **named)
                return list(answer) if hasattr(answer, "__next__") else answer

        return call


@dataclass(frozen=True)
class World:
    """What stands behind an app in tests."""

    line: Line
    ledger: Any
    reviews: Any
    lock: Any = field(default_factory=threading.RLock)
    archive: Any = field(default_factory=MemoryArchive)
    histories: Any = field(default_factory=MemoryHistories)
    books: Any = field(default_factory=lambda: MemoryBooks(MemoryLedger()))
    logs: Any = field(default_factory=MemoryLogs)
    commands: Any = field(default_factory=MemoryCommands)
    command_queue: Any = field(default_factory=MemoryQueue)
    meter: Meter = field(default_factory=Meter)

    @classmethod
    def new(cls) -> "World":
        line, lock = Line(detector=FakeDetector(UNSURE)), threading.RLock()
        reviews = OneAtATime(MemoryReviews(line.ledger), lock)
        return cls(line, OneAtATime(line.ledger, lock), reviews, lock)

    @property
    def ports(self) -> Ports:
        return Ports(
            self.ledger,
            self.reviews,
            self.line.shelf,
            self.line.decisions,
            lambda: POLICY,
            Past(MemorySearch(self.line.ledger), self.archive, self.histories, self.books, self.logs),
            self.commands,
            self.command_queue,
            lambda: self.meter,
            {
                "intake": lambda: 0,
                "decisions": lambda: len(self.line.decisions.sent),
                "escalations": lambda: 0,
                "commands": lambda: 0,
            },
        )

    def row(self, inspection: str) -> Inspection:
        found: Inspection = self.line.ledger.rows[inspection]
        return found

    def waiting(self, *keys: str, content: bytes = b"") -> list[str]:
        """Photos that are before the reviewers; returns the inspections' ids."""
        ids = []
        for number, key in enumerate(keys):
            image = self.line.upload(content or jpeg(number * 7 % 250), key=key)
            with self.lock:
                self.line.waiting(image, f"token of {key} {image.version_id}")
            ids.append(inspection_id(image))
        return ids

    def decided(self, key: str, verdict: Verdict = Verdict.OK, reviewer: str = "bob", **how: Any) -> str:
        """A photo that a person decided, filed and announced."""
        (one,) = self.waiting(key)
        self.line.decide(self.row(one).image, verdict, reviewer, **how)
        self.relay()
        return one

    def relay(self) -> list[str]:
        """Deliver whatever is due and let its execution end; returns the inspections that closed."""
        closed = []
        with self.lock:
            for row in list(self.line.ledger.rows.values()):
                if row.decision is not None and not row.closed_at and self._end(row.image, row.owner):
                    closed.append(row.id)
        return closed

    def _end(self, image: Image, owner: str) -> bool:
        if self.line.deliver(image) not in (Arrival.SENT, Arrival.ON_ITS_WAY):
            return False
        filed = self.line.move(image, owner, "reviewed")
        self.line.verdicts.send(filed["announcement"])
        self.line.close(image, owner)
        self.line.executions.statuses[owner] = "SUCCEEDED"
        return True
