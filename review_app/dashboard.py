"""The figures of the dashboard: from counts by the hour and bounded looks, never from all rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from statistics import median

from review_app.ports import Ports
from workflow import timestamps
from workflow.history import metrics
from workflow.history.metrics import Failure, Hour
from workflow.inspections.inspection import AuditEntry, Ledger, SecondLook, State
from workflow.inspections.verdict import Verdict
from workflow.models.capacity import Meter
from workflow.recovery.commands import Commands
from workflow.review.agreement import Agreement, agreements
from workflow.review.queue import Pile, Reviews

DAYS = (1, 7, 30, 90)
HOURLY_UP_TO = 2
MOST_COUNTED = 1000
MOST_LOOKS = 2000
PAUSE_SECONDS = 300
BARS = 20
LISTS = {
    "intake": "/executions?status=inspecting",
    "decisions": "/executions?status=waiting",
    "escalations": "/executions?status=waiting",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chart: its words, its number, what it stands for in the list."""

    words: str
    count: int
    link: str = ""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One person's share: decisions in the span, and the usual seconds between two of the last day's."""

    name: str
    decided: int
    pace: float | None


@dataclass(frozen=True, slots=True)
class Replay:
    """What another threshold would have meant for the photos of the span."""

    threshold: float
    more: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """One queue: its messages and their list, and in the ledger what waits longest, since when, its page.

    SQS tells nobody how old a message is without handing it out, so the ledger is asked.
    """

    name: str
    depth: int
    list: str
    waits: str
    since: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the dashboard shows for a span of days."""

    days: int
    since: str
    counts: Mapping[str, int]
    throughput: Sequence[Column]
    verdicts: Sequence[Column]
    scores: Sequence[Column]
    failures: Sequence[Column]
    reviewers: Sequence[Reviewer]
    agreement: Sequence[Agreement]
    thresholds: Sequence[float]
    replay: Replay | None
    median: float | None
    slowest: float | None
    waiting: int
    in_flight: int
    oldest: str
    meter: Meter
    queues: Sequence[Backlog]

    @property
    def closed(self) -> int:
        """How many inspections closed in the span."""
        return self.counts.get("closed", 0)

    @property
    def unclear_share(self) -> float | None:
        """Which share of them a person was asked about."""
        return self.counts.get("asked", 0) / self.closed if self.closed else None


def board(ports: Ports, days: int, now: str, at: float | None = None) -> Board:
    """The figures of the last days, and of this moment."""
    since = timestamps.later(now, -86400 * days)
    hours = ports.past.figures.hours(since, timestamps.later(now, 1))
    counts = metrics.total(hours)
    took, scores = metrics.numbered(counts, "took"), metrics.numbered(counts, "score")
    thresholds = sorted({rule.threshold for rule in ports.policy().labels.values()})
    replay = at if at is not None else min(1.0, round(thresholds[-1] + 0.05, 2)) if thresholds else None
    return Board(
        days,
        since,
        counts,
        throughput(hours, days),
        [_verdict(one, counts, since) for one in (Verdict.OK, Verdict.DEFECT, Verdict.REJECTED)],
        [_scored(scores, number) for number in range(BARS)],
        causes(ports.past.figures.failures(since, MOST_COUNTED)),
        reviewers(counts, islice(ports.ledger.audit_day(now[:10], newest_first=True), MOST_LOOKS)),
        agreements(_looks(ports, since))[:1],
        thresholds,
        Replay(replay, metrics.to_review(scores, replay, thresholds[-1])) if replay is not None else None,
        metrics.quantile(took, 0.5),
        metrics.quantile(took, 0.95),
        ports.ledger.count_recent(State.WAITING, "0", MOST_COUNTED),
        ports.ledger.count_recent(State.INSPECTING, "0", MOST_COUNTED),
        _oldest(ports.reviews),
        ports.meter(),
        queues(ports, now),
    )


def queues(ports: Ports, now: str) -> list[Backlog]:
    """The queues in the order in which a photo meets them."""
    told = {
        "intake": _in_flight(ports.ledger),
        "decisions": _undelivered(ports.ledger, now),
        "escalations": _escalated(ports.reviews),
        "commands": _command(ports.commands),
    }
    return [Backlog(name, depth(), LISTS.get(name, ""), *told[name]) for name, depth in ports.depths.items()]


def _in_flight(ledger: Ledger) -> tuple[str, str, str]:
    row = ledger.oldest(State.INSPECTING)
    if row is None:
        return "photo in flight", "", ""
    return "photo in flight", row.asked_at, f"/executions/{row.owner}"


def _undelivered(ledger: Ledger, now: str) -> tuple[str, str, str]:
    """The decision that could be delivered for longest and was not, among the oldest photos that wait."""
    found = [
        (row.decision.release_at or row.decision.decided_at, f"/executions/{row.owner}")
        for row in ledger.decided(MOST_COUNTED)
        if row.decision and not row.decision.sent_at and not row.settled
    ]
    return "decision to deliver", *min((one for one in found if one[0] <= now), default=("", ""))


def _escalated(reviews: Reviews) -> tuple[str, str, str]:
    """The review that was escalated and is open for longest; those that are come first in the pile."""
    first = takewhile(lambda one: one.escalated, reviews.listed(Pile.OPEN))
    found = [(one.since, f"/inspections/{one.id}") for one in islice(first, MOST_COUNTED)]
    return "escalated review", *min(found, default=("", ""))


def _command(commands: Commands) -> tuple[str, str, str]:
    first = next(iter(commands.open()), None)
    return "open command", *((first.asked_at, f"/commands/{first.id}") if first else ("", ""))


def throughput(hours: Iterable[Hour], days: int) -> list[Column]:
    """Closed inspections by the hour, or by the day where hours would be too many."""
    by_hour = days <= HOURLY_UP_TO
    found: Counter[str] = Counter()
    for hour in hours:
        found[hour.at[: 13 if by_hour else 10]] += hour.counts.get("closed", 0)
    return [
        Column(f"{at[8:10]}., {at[11:]} h" if by_hour else at[5:], count, f"from={at[:10]}&to={at[:10]}")
        for at, count in sorted(found.items())
    ]


def causes(failures: Iterable[Failure]) -> list[Column]:
    """Failures by the state and the error, the most frequent first."""
    found = Counter(f"{one.state or 'Execution'}: {one.error}" for one in failures)
    return [Column(words, count, "status=failed") for words, count in found.most_common(8)]


def reviewers(counts: Mapping[str, int], today: Iterable[AuditEntry]) -> list[Reviewer]:
    """Decisions by person; the pace leaves pauses out."""
    moments: dict[str, list[str]] = {}
    for entry in today:
        if entry.action == "decide":
            moments.setdefault(entry.who, []).append(entry.at)
    decided = {name[3:]: count for name, count in counts.items() if name.startswith("by:")}
    names = sorted(decided.keys() | moments.keys(), key=lambda name: -decided.get(name, 0))
    return [Reviewer(name, decided.get(name, 0), pace(moments.get(name, []))) for name in names[:12]]


def pace(moments: Iterable[str]) -> float | None:
    """The usual seconds from one decision to the next."""
    gaps = [timestamps.seconds_between(*pair) for pair in pairwise(sorted(moments))]
    working = [gap for gap in gaps if gap <= PAUSE_SECONDS]
    return median(working) if working else None


def _looks(ports: Ports, since: str) -> Iterator[SecondLook]:
    for pile in (Pile.SEEN, Pile.DISPUTED):
        for one in islice(ports.reviews.listed(pile, since), MOST_LOOKS):
            if one.second is not None and one.second.verdict is not None:
                yield one.second


def _oldest(reviews: Reviews) -> str:
    """Since when the photo waits that waits longest, of as many as are counted."""
    lists = (islice(reviews.listed(pile), MOST_COUNTED) for pile in (Pile.OPEN, Pile.HELD))
    return min((one.since for some in lists for one in some), default="")


def _verdict(verdict: Verdict, counts: Mapping[str, int], since: str) -> Column:
    return Column(verdict.value, counts.get(f"verdict:{verdict}", 0), f"verdict={verdict}&from={since[:10]}")


def _scored(scores: Mapping[int, int], number: int) -> Column:
    width = metrics.BINS // BARS
    count = sum(scores.get(one, 0) for one in range(number * width, (number + 1) * width))
    return Column(f"{number / BARS:.2f} to {(number + 1) / BARS:.2f}", count)
