"""The repositories of inspections and reviews, and a clock that tests set."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryInspectionRepository, InMemoryReviewRepository
from tests.unit.pipeline import UNSURE, Pipeline
from workflow import timestamps

START = "2026-03-02T08:00:00.000Z"


@dataclass
class Clock:
    """The time that the tests and the code use."""

    now: str = START

    def turn(self, seconds: float) -> None:
        self.now = timestamps.add_seconds(self.now, seconds)


@dataclass(frozen=True)
class Repositories:
    """The repositories of inspections and reviews over the same rows."""

    inspections: Any
    reviews: Any

    def pipeline(self, *answers: Any) -> Pipeline:
        """Return a pipeline on these repositories. Its model is unsure unless `answers` are given."""
        return Pipeline(detector=FakeDetector(*(answers or [UNSURE])), inspections=self.inspections)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timestamps, "now", lambda: clock.now)
    return clock


@pytest.fixture
def repositories() -> Repositories:
    inspections = InMemoryInspectionRepository()
    return Repositories(inspections, InMemoryReviewRepository(inspections))
