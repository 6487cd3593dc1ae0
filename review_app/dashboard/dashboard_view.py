"""The view of the dashboard: metrics from hourly counts and bounded queries, never from all rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import itemgetter
from statistics import median
from urllib.parse import urlencode

from review_app.container import Container
from review_app.dashboard.charts import Chart, ChartItem
from review_app.dashboard.queue_backlogs import QueueBacklog, list_queue_backlogs
from workflow import timestamps
from workflow.history import metrics
from workflow.history.metrics import FailedExecution, HourlyMetrics
from workflow.history.open_failures import INSPECTION_ID_LENGTH, MAX_FAILURES_READ, list_open_failures
from workflow.history.search import InspectionQuery, InspectionSearch
from workflow.inspections.inspection import AuditAction, AuditEntry, InspectionState
from workflow.inspections.verdict import Prediction, Verdict
from workflow.models.capacity_manager import UsageMeter
from workflow.models.model import USD_PER_UNIT_HOUR, version_name
from workflow.review.agreement import Agreement, compute_agreements
from workflow.review.queue import ReviewQueue, ReviewRepository, list_second_reviews

PERIODS = (1, 7, 30, 90)
HOURLY_UP_TO_DAYS = 2
MAX_COUNTED = 1000
MAX_ENTRIES_READ = 2000
BREAK_SECONDS = 300
SCORE_COLUMNS = 20
MAX_CAUSES = 8
MAX_REVIEWERS = 12


@dataclass(frozen=True, slots=True)
class ReviewerStatistics:
    """A reviewer's decisions in the period, and the median seconds between two decisions today."""

    name: str
    decisions: int
    median_interval: float | None


@dataclass(frozen=True, slots=True)
class ThresholdReplay:
    """The additional reviews that one threshold for all labels would have caused (negative: fewer)."""

    threshold: float
    additional_reviews: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningModel:
    """A running model version; `usd_per_hour` is the list price of its inference units.

    `latest` is its prediction for the photo that was claimed last, None if it judged no photo yet.
    """

    name: str
    since: str
    units: int
    usd_per_hour: float
    latest: Prediction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardView:
    """All values of the dashboard for a period of days; durations are in seconds."""

    days: int
    since: str
    counts: Mapping[str, int]
    throughput: Chart
    verdicts: Chart
    scores: Chart
    failures: Chart
    reviewers: Sequence[ReviewerStatistics]
    agreement: Agreement | None
    thresholds: Sequence[float]
    replay: ThresholdReplay | None
    median_duration: float | None
    p95_duration: float | None
    open_failures: int
    pending_review: int
    in_progress: int
    parked: int
    oldest_review: str
    models: Sequence[RunningModel]
    meter: UsageMeter
    queues: Sequence[QueueBacklog]

    @property
    def closed(self) -> int:
        """The number of closed inspections that were claimed in the period."""
        return self.counts.get("closed", 0)

    @property
    def withdrawn(self) -> int:
        """The number of closed inspections whose upload was deleted before it had a verdict."""
        return self.counts.get(f"verdict:{metrics.WITHDRAWN}", 0)

    @property
    def predicted_or_reviewed(self) -> int:
        """The number of photos that the model or a reviewer was asked about, waiting ones included."""
        return self.counts.get("judged", 0)

    @property
    def asked(self) -> int:
        """The number of those photos that a reviewer was asked about."""
        return self.counts.get("asked", 0)

    @property
    def asked_share(self) -> float | None:
        """The share of those photos that a reviewer was asked about, None without any."""
        return self.asked / self.predicted_or_reviewed if self.predicted_or_reviewed else None

    @property
    def timed(self) -> int:
        """The number of closed inspections whose time to verdict is known."""
        return sum(metrics.select_bins(self.counts, "duration").values())

    @property
    def is_hourly(self) -> bool:
        """True if the throughput is shown by hour."""
        return self.days <= HOURLY_UP_TO_DAYS

    @property
    def period_query(self) -> str:
        """The query string that limits the list of executions to the period."""
        return f"from={self.since[:10]}"

    @property
    def is_pending_capped(self) -> bool:
        """True if more photos than counted may be pending review."""
        return self.pending_review >= MAX_COUNTED


def build_dashboard(
    container: Container, days: int, now: str, threshold: float | None = None
) -> DashboardView:
    """Build the dashboard since the beginning of the day `days` ago, as the linked lists count days.

    It includes a replay of `threshold`, or of one that is slightly higher than the policy's.
    """
    since = f"{timestamps.add_seconds(now, -86400 * days)[:10]}T00:00:00.000Z"
    hours = container.history.metrics.list_hours(since, timestamps.add_seconds(now, 1))
    counts = metrics.sum_hours(hours)
    durations, scores = metrics.select_bins(counts, "duration"), metrics.select_bins(counts, "score")
    thresholds = sorted({rule.threshold for rule in container.routing_policy().labels.values()})
    inspections, meter = container.inspections, container.meter()
    second_reviews = list_second_reviews(container.reviews, since)
    today = inspections.list_audit_day(now[:10], newest_first=True)
    return DashboardView(
        days=days,
        since=since,
        counts=counts,
        throughput=build_throughput_chart(hours, days),
        verdicts=_build_verdict_chart(counts, since),
        scores=_build_score_chart(scores),
        failures=build_failure_chart(
            container.history.metrics.list_failures(since, MAX_FAILURES_READ), since
        ),
        reviewers=compute_reviewer_statistics(counts, islice(today, MAX_ENTRIES_READ)),
        agreement=next(iter(compute_agreements(map(itemgetter(1), second_reviews))), None),
        thresholds=thresholds,
        replay=_replay(hours, thresholds, threshold),
        median_duration=metrics.quantile(durations, 0.5),
        p95_duration=metrics.quantile(durations, 0.95),
        open_failures=len(list_open_failures(container.history.metrics, inspections)),
        pending_review=inspections.count_recent(InspectionState.WAITING, "0", MAX_COUNTED),
        in_progress=inspections.count_recent(InspectionState.INSPECTING, "0", MAX_COUNTED),
        parked=inspections.count_recent(InspectionState.PARKED, "0", MAX_COUNTED),
        oldest_review=_oldest_review(container.reviews),
        models=_list_running_models(meter, container.history.search),
        meter=meter,
        queues=list_queue_backlogs(container, now),
    )


def build_throughput_chart(hours: Iterable[HourlyMetrics], days: int) -> Chart:
    """Count closed inspections by hour for up to HOURLY_UP_TO_DAYS, otherwise by day."""
    by_hour = days <= HOURLY_UP_TO_DAYS
    counts: Counter[str] = Counter()
    for hour in hours:
        counts[hour.at[: 13 if by_hour else 10]] += hour.counts.get("closed", 0)
    return Chart(
        [
            ChartItem(
                f"{at[8:10]}., {at[11:]} h" if by_hour else at[5:],
                count,
                "" if by_hour else f"status=closed&from={at[:10]}&to={at[:10]}",
            )
            for at, count in sorted(counts.items())
        ]
    )


def build_failure_chart(failures: Iterable[FailedExecution], since: str) -> Chart:
    """Count the inspections with a failed execution by its state and error, most frequent first."""
    failed = {(failure.label, failure.execution[:INSPECTION_ID_LENGTH]) for failure in failures}
    counts = Counter(label for label, _ in sorted(failed))
    return Chart(
        [
            ChartItem(label, count, urlencode({"failure": label, "from": since[:10]}))
            for label, count in counts.most_common(MAX_CAUSES)
        ]
    )


def compute_reviewer_statistics(
    counts: Mapping[str, int], today: Iterable[AuditEntry]
) -> list[ReviewerStatistics]:
    """Return the statistics of the reviewers with the most decisions."""
    times: dict[str, list[str]] = {}
    for entry in today:
        if entry.action is AuditAction.DECIDE:
            times.setdefault(entry.actor, []).append(entry.at)
    decisions = {name[3:]: count for name, count in counts.items() if name.startswith("by:")}
    names = sorted(decisions.keys() | times.keys(), key=lambda name: -decisions.get(name, 0))
    return [
        ReviewerStatistics(name, decisions.get(name, 0), compute_median_interval(times.get(name, [])))
        for name in names[:MAX_REVIEWERS]
    ]


def compute_median_interval(times: Iterable[str]) -> float | None:
    """Return the median seconds between successive times, without breaks of over BREAK_SECONDS."""
    intervals = [timestamps.seconds_between(*pair) for pair in pairwise(sorted(times))]
    working = [interval for interval in intervals if interval <= BREAK_SECONDS]
    return median(working) if working else None


def _replay(
    hours: Iterable[HourlyMetrics], thresholds: Sequence[float], threshold: float | None
) -> ThresholdReplay | None:
    if not thresholds:
        return None
    tried = threshold if threshold is not None else min(1.0, round(thresholds[-1] + 0.05, 2))
    return ThresholdReplay(tried, metrics.count_additional_reviews(hours, tried))


def _oldest_review(reviews: ReviewRepository) -> str:
    """Return the time since which the oldest of the first MAX_COUNTED photos of each queue waits."""
    queues = (
        islice(reviews.list_items(queue), MAX_COUNTED) for queue in (ReviewQueue.OPEN, ReviewQueue.ON_HOLD)
    )
    return min((item.opened_at for items in queues for item in items), default="")


def _build_verdict_chart(counts: Mapping[str, int], since: str) -> Chart:
    return Chart(
        [
            ChartItem(
                verdict.value,
                counts.get(f"verdict:{verdict}", 0),
                f"status=closed&verdict={verdict}&from={since[:10]}",
            )
            for verdict in (Verdict.OK, Verdict.DEFECT, Verdict.REJECTED)
        ]
    )


def _build_score_chart(scores: Mapping[int, int]) -> Chart:
    bins = metrics.BINS // SCORE_COLUMNS
    return Chart(
        [
            ChartItem(
                f"{column / SCORE_COLUMNS:.2f} to {(column + 1) / SCORE_COLUMNS:.2f}",
                sum(scores.get(number, 0) for number in range(column * bins, (column + 1) * bins)),
            )
            for column in range(SCORE_COLUMNS)
        ]
    )


def _list_running_models(meter: UsageMeter, search: InspectionSearch) -> list[RunningModel]:
    return [
        RunningModel(
            name=version_name(arn),
            since=since,
            units=units,
            usd_per_hour=USD_PER_UNIT_HOUR * units,
            latest=_find_latest_prediction(search, version_name(arn)),
        )
        for arn, (since, units) in meter.running.items()
    ]


def _find_latest_prediction(search: InspectionSearch, model: str) -> Prediction | None:
    rows = search.fetch_page(InspectionQuery(model=model), size=1).rows
    return rows[0].prediction if rows else None
