"""Hourly metrics of closed inspections, so that a chart needs no count of rows."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workflow import timestamps
from workflow.inspections.inspection import Inspection

BINS = 100
GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class HourlyMetrics:
    """The counts of the inspections that closed in the hour that begins at `at`."""

    at: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedExecution:
    """An execution that ended without success, with the state in which it ended."""

    execution: str
    at: str
    status: str
    state: str
    error: str
    cause: str


class MetricsStore(Protocol):
    """The stored hourly metrics and failed executions."""

    def list_hours(self, since: str, until: str) -> list[HourlyMetrics]:
        """List the hours that have counts, oldest first."""

    def list_failures(self, since: str, limit: int = 1000) -> list[FailedExecution]:
        """List failed executions, newest first."""


def count_inspection(row: Inspection) -> dict[str, int]:
    """Return the counts that a closed inspection adds to its hour.

    The duration of a revision begins with the request for it.
    """
    if row.withdrawn or row.verdict is None:
        return {}
    counts = {"closed": 1, f"verdict:{row.verdict}": 1}
    began = row.uploaded_at if row.revision == 1 else row.attempted_at
    if row.review and row.review.opened_at >= began:
        counts["reviews"] = 1
    if row.decision:
        counts[f"by:{row.decision.reviewer}"] = 1
    if row.prediction and row.prediction.label:
        counts[f"score:{confidence_bin(row.prediction.confidence)}"] = 1
    if row.settled_at:
        counts[f"duration:{duration_bin(timestamps.seconds_between(began, row.settled_at))}"] = 1
    return counts


def confidence_bin(confidence: float) -> int:
    """Return the bin of a confidence (0 to 1): its hundredth."""
    return min(BINS - 1, int(confidence * BINS))


def duration_bin(seconds: float) -> int:
    """Return the bin of a duration; a value read back from a bin is at most a tenth too long."""
    return max(0, math.ceil(math.log(max(seconds, 1.0), GROWTH)))


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the upper bound in seconds of the duration bin that contains this quantile; None if empty."""
    remaining = share * sum(counts.values())
    for number, count in sorted(counts.items()):
        remaining -= count
        if remaining <= 1e-9:
            return float(GROWTH**number)
    return None


def sum_hours(hours: list[HourlyMetrics]) -> Counter[str]:
    """Return the sum of the counts of all hours."""
    totals: Counter[str] = Counter()
    for hour in hours:
        totals.update(hour.counts)
    return totals


def select_bins(counts: Mapping[str, int], kind: str) -> dict[int, int]:
    """Return the counts of one binned kind, `score` or `duration`, by bin."""
    return {
        int(name.split(":", 1)[1]): count for name, count in counts.items() if name.startswith(f"{kind}:")
    }


def count_additional_reviews(scores: Mapping[int, int], threshold: float, current: float) -> int:
    """Return how many more photos would go to review at another threshold; negative for fewer."""
    low, high = sorted((confidence_bin(threshold), confidence_bin(current)))
    between = sum(count for number, count in scores.items() if low <= number < high)
    return between if threshold > current else -between
