"""Many inspections' worth of figures, for pages that show them."""

from collections import Counter

from tests.web.world import World
from workflow import timestamps
from workflow.history import metrics
from workflow.history.metrics import Failure
from workflow.models.capacity import Meter

MODEL = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/pq.2026-11/1"


def fill(world: World, days: int = 7) -> None:
    """A week of counts, two reviewers, some failures, a model that runs."""
    now = timestamps.now()
    for number in range(days * 24):
        hour = timestamps.later(now, -3600 * number)
        amount = 8 + (number * 7) % 11
        counts = Counter(
            {"closed": amount, "verdict:ok": amount - 3, "verdict:defect": 2, "verdict:rejected": 1}
        )
        counts |= Counter({"verdict:rejected": 1, "asked": 2, "by:ann": 1, "by:bob": 1})
        for one in range(amount):
            counts[f"score:{(number * 13 + one * one * 5) % 60 + 40}"] += 1
            counts[f"took:{metrics.time_bin(2 + one)}"] += 1
        world.books.counted[f"{hour[:13]}:00:00.000Z"] = counts
    for number in range(5):
        error = "States.Timeout" if number % 2 else "ThrottlingException"
        world.books.add_failure(
            Failure(f"{number}" * 64 + "-1", now, "FAILED", "Detect labels", error, "Rate exceeded")
        )
    object.__setattr__(world, "meter", Meter(counted_at=now, spent_usd=23.1, running={MODEL: (now, 1)}))
