"""Sample metrics for the dashboard."""

from collections import Counter

from tests.web.world import World
from workflow import timestamps
from workflow.history import metrics
from workflow.history.metrics import FailedExecution
from workflow.models.capacity_manager import UsageMeter

MODEL = "arn:aws:rekognition:eu-central-1:123456789012:project/parts/version/pq.2026-11/1"


def add_metrics(world: World, days: int = 7) -> None:
    """Add hourly counts of two reviewers, some failures and a running model."""
    now = timestamps.now()
    for number in range(days * 24):
        hour = timestamps.add_seconds(now, -3600 * number)
        amount = 8 + (number * 7) % 11
        counts = Counter(
            {"closed": amount, "verdict:ok": amount - 3, "verdict:defect": 2, "verdict:rejected": 1}
        )
        counts |= Counter({"verdict:rejected": 1, "reviews": 2, "by:ann": 1, "by:bob": 1})
        for photo in range(amount):
            counts[f"score:{(number * 13 + photo * photo * 5) % 60 + 40}"] += 1
            counts[f"duration:{metrics.duration_bin(2 + photo)}"] += 1
        world.metrics.count(hour, counts)
    for number in range(5):
        error = "States.Timeout" if number % 2 else "ThrottlingException"
        world.metrics.add_failure(
            FailedExecution(
                execution=f"{number}" * 64 + "-1",
                at=now,
                status="FAILED",
                state="Detect labels",
                error=error,
                cause="Rate exceeded",
            )
        )
    object.__setattr__(world, "meter", UsageMeter(counted_at=now, spent_usd=23.1, running={MODEL: (now, 1)}))
