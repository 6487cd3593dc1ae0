"""What is counted of inspections by the hour, so that nobody counts rows to draw a figure."""

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
class Hour:
    """What was counted of the inspections that closed in one hour, which `at` begins."""

    at: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """One execution that ended without success, with the state that it ended in."""

    execution: str
    at: str
    status: str
    state: str
    error: str
    cause: str


class Figures(Protocol):
    """Where the counts and the failures are."""

    def hours(self, since: str, until: str) -> list[Hour]:
        """The hours that anything was counted in, oldest first."""

    def failures(self, since: str, limit: int = 1000) -> list[Failure]:
        """Executions that failed, newest first."""


def counted(row: Inspection) -> dict[str, int]:
    """What a closed inspection adds to its hour; a revision took as long as it did since it was asked for."""
    if row.withdrawn or row.verdict is None:
        return {}
    counts = {"closed": 1, f"verdict:{row.verdict}": 1}
    began = row.uploaded_at if row.revision == 1 else row.attempted_at
    if row.review and row.review.opened_at >= began:
        counts["asked"] = 1
    if row.decision:
        counts[f"by:{row.decision.reviewer}"] = 1
    if row.prediction and row.prediction.label:
        counts[f"score:{bin_of(row.prediction.confidence)}"] = 1
    if row.settled_at:
        counts[f"took:{time_bin(timestamps.seconds_between(began, row.settled_at))}"] = 1
    return counts


def bin_of(confidence: float) -> int:
    """The hundredth that a confidence lies in."""
    return min(BINS - 1, int(confidence * BINS))


def time_bin(seconds: float) -> int:
    """Durations by tenths of their size: what is read back is at most a tenth too long."""
    return max(0, math.ceil(math.log(max(seconds, 1.0), GROWTH)))


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration that this share of all did not exceed, as the time bins know it."""
    wanted = share * sum(counts.values())
    for number, count in sorted(counts.items()):
        wanted -= count
        if wanted <= 1e-9:
            return float(GROWTH**number)
    return None


def total(hours: list[Hour]) -> Counter[str]:
    """All hours together."""
    found: Counter[str] = Counter()
    for hour in hours:
        found.update(hour.counts)
    return found


def numbered(counts: Mapping[str, int], kind: str) -> dict[int, int]:
    """The counts of one numbered kind, `score` or `took`, by number."""
    return {
        int(name.split(":", 1)[1]): count for name, count in counts.items() if name.startswith(f"{kind}:")
    }


def to_review(scores: Mapping[int, int], threshold: float, now: float) -> int:
    """How many more photos a person would have seen at another threshold; negative for fewer."""
    low, high = sorted((bin_of(threshold), bin_of(now)))
    between = sum(count for number, count in scores.items() if low <= number < high)
    return between if threshold > now else -between
