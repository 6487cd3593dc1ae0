"""Hourly metrics of inspections, so that a chart needs no count of rows, and exact scores for replays."""

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from workflow import timestamps
from workflow.cameras.masters import MASTER_CODES
from workflow.inspections.inspection import UNJUDGED_STATES, Inspection, InspectionState
from workflow.inspections.verdict import Prediction

BINS = 100
GROWTH = 1.1
WITHDRAWN = "withdrawn"


class Routing(StrEnum):
    """The effect of a prediction's confidence: the model's verdict stands, or a reviewer is asked."""

    CLEAR = "clear"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class HourlyMetrics:
    """The counts of the inspections that were claimed in the hour that begins at `at`.

    `scores` holds the exact confidences that thresholds routed, in ascending order.
    """

    at: str
    counts: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[Routing, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedExecution:
    """An execution that ended without success, with the state in which it ended."""

    execution: str
    at: str
    status: str
    state: str
    error: str
    cause: str

    @property
    def label(self) -> str:
        """The state in which it ended, with its error."""
        return f"{self.state or 'Execution'}: {self.error}"


@dataclass(frozen=True, slots=True)
class RoutedScore:
    """The exact confidence of a prediction that a threshold routed."""

    routing: Routing
    confidence: float


@dataclass(frozen=True, slots=True)
class InspectionMetrics:
    """The contribution of one inspection to the metrics; a later one replaces it."""

    counts: Mapping[str, int] = field(default_factory=dict)
    score: RoutedScore | None = None


class MetricsStore(Protocol):
    """The stored hourly metrics and failed executions."""

    def list_hours(self, since: str, until: str) -> list[HourlyMetrics]:
        """List the hours that have counts, oldest first."""

    def list_failures(self, since: str, limit: int = 1000) -> list[FailedExecution]:
        """List failed executions, newest first."""


def measure_inspection(row: Inspection) -> InspectionMetrics:
    """Return the contribution of an inspection in its present state.

    An inspection in progress contributes nothing, and neither does the photo of a master part. A revision in
    progress withdraws what it revises. The duration of a revision begins with the request for it.
    """
    if row.state in UNJUDGED_STATES or row.rejection.get("code") in MASTER_CODES:
        return InspectionMetrics()
    counts = {"judged": 1} if row.prediction or row.review else {}
    if row.review:
        counts["asked"] = 1
    score = _routed_score(row.prediction)
    if row.prediction and row.prediction.label:
        counts[f"score:{confidence_bin(row.prediction.confidence)}"] = 1
    if row.state is InspectionState.CLOSED:
        counts |= _count_closed(row)
    return InspectionMetrics(counts, score)


def _count_closed(row: Inspection) -> dict[str, int]:
    counts = {"closed": 1, f"verdict:{row.verdict or WITHDRAWN}": 1}
    if row.decision:
        counts[f"by:{row.decision.reviewer}"] = 1
    if row.settled_at:
        began = row.uploaded_at if row.revision == 1 else row.attempted_at
        counts[f"duration:{duration_bin(timestamps.seconds_between(began, row.settled_at))}"] = 1
    return counts


def _routed_score(prediction: Prediction | None) -> RoutedScore | None:
    """Return the score of a prediction that a threshold routed; with a note, no threshold matters."""
    if prediction is None or prediction.note or not prediction.label:
        return None
    is_asked = prediction.confidence < prediction.threshold
    return RoutedScore(Routing.ASKED if is_asked else Routing.CLEAR, prediction.confidence)


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


def replace_score(
    scores: Mapping[Routing, Sequence[float]], before: RoutedScore | None, after: RoutedScore | None
) -> dict[Routing, list[float]]:
    """Return an hour's scores with one score of an inspection replaced by its present one."""
    changed = {routing: list(scores.get(routing, ())) for routing in Routing}
    if before is not None:
        changed[before.routing].remove(before.confidence)
    if after is not None:
        insort(changed[after.routing], after.confidence)
    return changed


def count_additional_reviews(hours: Iterable[HourlyMetrics], threshold: float) -> int:
    """Return how many more photos would have gone to review at another threshold; negative for fewer."""
    additional = 0
    for hour in hours:
        clear, asked = (hour.scores.get(routing, ()) for routing in Routing)
        additional += bisect_left(clear, threshold)
        additional -= len(asked) - bisect_left(asked, threshold)
    return additional
