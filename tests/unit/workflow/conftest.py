"""Two tables to keep the books in, the simple one and DynamoDB's rules, and a clock that tests can turn."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryLedger, MemoryReviews
from tests.proof.dynamodb import MemoryDynamoDB, Stored
from tests.unit.line import UNSURE, Line
from workflow import timestamps
from workflow.aws.ledger import DynamoLedger
from workflow.aws.reviews import DynamoReviews
from workflow.tables import AUDIT, LEDGER

START = "2026-03-02T08:00:00.000Z"


@dataclass
class Clock:
    """The time that everybody goes by."""

    now: str = START

    def turn(self, seconds: float) -> None:
        self.now = timestamps.later(self.now, seconds)


@dataclass(frozen=True)
class Books:
    """A ledger and the queue of reviews over the same rows."""

    ledger: Any
    reviews: Any

    def line(self, *answers: Any) -> Line:
        """A line that keeps these books; its model is unsure unless told."""
        return Line(detector=FakeDetector(*(answers or [UNSURE])), ledger=self.ledger)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timestamps, "now", lambda: clock.now)
    return clock


@pytest.fixture(params=["memory", "dynamodb"])
def books(request: pytest.FixtureRequest) -> Books:
    """The same rules kept twice: by the fake that other tests use, and by the adapter's expressions."""
    if request.param == "memory":
        ledger = MemoryLedger()
        return Books(ledger, MemoryReviews(ledger))
    dynamodb = MemoryDynamoDB([Stored(LEDGER), Stored(AUDIT)])
    return Books(DynamoLedger("ledger", "audit", dynamodb), DynamoReviews("ledger", "audit", dynamodb))
