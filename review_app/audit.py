"""The audit trail as people read it: each entry with what became of it."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Decision, Inspection, Ledger
from workflow.inspections.undo_window import Stage, held_for, progress

MAX_DAYS = 366
ACTIONS = (
    "decide",
    "undo",
    "second look",
    "confirm",
    "correct",
    "inspect again",
    "hold",
    "unhold",
    "conflict",
    "sign in",
    "sign out",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries somebody wants to see; days are UTC, both included, and empty text is anything."""

    first_day: str
    last_day: str
    who: str = ""
    action: str = ""
    image: str = ""

    def __contains__(self, entry: AuditEntry) -> bool:
        return (not self.who or entry.who == self.who) and (not self.action or entry.action == self.action)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, the photo it is about, and how far the decision got; `took` counts from the question."""

    entry: AuditEntry
    row: Inspection | None
    undone: bool = False
    took: float | None = None
    delivered_at: str = ""
    reached: str = ""

    @property
    def name(self) -> str:
        return self.row.image.name or self.row.image.key if self.row else ""

    @property
    def key(self) -> str:
        return self.row.image.key if self.row else ""


def entries(ledger: Ledger, wish: Wish, before: str = "") -> Iterator[AuditEntry]:
    """What is wished for, newest first, from behind a mark on."""
    found = _of_image(ledger, wish) if wish.image else _of_days(ledger, wish, before)
    for entry in _by_mark(found):
        if entry in wish and (not before or mark(entry) < before):
            yield entry


def mark(entry: AuditEntry) -> str:
    """An entry's place in the order of all; several share a moment."""
    return f"{entry.at}#{entry.action}#{entry.decision_id}#{entry.inspection_id}"


def _by_mark(newest_first: Iterable[AuditEntry]) -> Iterator[AuditEntry]:
    """Entries of one moment in the order of their marks, whatever order the ledger has for them."""
    for _, together in groupby(newest_first, key=lambda entry: entry.at):
        yield from sorted(together, key=mark, reverse=True)


def _of_days(ledger: Ledger, wish: Wish, before: str) -> Iterator[AuditEntry]:
    day = min(wish.last_day, before[:10]) if before else wish.last_day
    for _ in range(MAX_DAYS):
        if day < wish.first_day:
            return
        yield from ledger.audit_day(day, newest_first=True)
        day = timestamps.later(f"{day}T00:00:00Z", -1)[:10]


def _of_image(ledger: Ledger, wish: Wish) -> list[AuditEntry]:
    """By the photo's name, whatever the day: its trail is read directly."""
    rows = ledger.by_name(wish.image)
    found = [entry for row in rows for entry in ledger.audit_trail(row.id)]
    return sorted(found, key=mark, reverse=True)


def lines(ledger: Ledger, some: Iterator[AuditEntry], count: int) -> list[Line]:
    """The first entries with what became of them; rows are looked up side by side."""
    chosen = list(islice(some, count))
    ids = list({entry.inspection_id for entry in chosen})
    with ThreadPoolExecutor(8) as pool:
        rows = dict(zip(ids, pool.map(ledger.get, ids), strict=True))
    return [line(entry, rows) for entry in chosen]


def line(entry: AuditEntry, rows: Mapping[str, Inspection | None]) -> Line:
    """One entry beside its row."""
    row = rows.get(entry.inspection_id)
    if row is None:
        return Line(entry, None)
    undone = entry.action != "undo" and bool(entry.decision_id) and entry.decision_id in row.undone
    took = None
    if entry.action == "decide" and row.review is not None:
        took = max(0.0, timestamps.seconds_between(row.review.opened_at, entry.at))
    delivered, stage = _delivery(entry, row)
    return Line(entry, row, undone, took, delivered, stage)


def _delivery(entry: AuditEntry, row: Inspection) -> tuple[str, str]:
    """When the execution was told this decision, and how far it got."""
    if not entry.decision_id or entry.action not in ("decide", "correct"):
        return "", ""
    if row.decision is not None and row.decision.id == entry.decision_id:
        return _told(row.decision, row.settled_at), stage(row)
    for outcome in row.earlier:
        if outcome.decision is not None and outcome.decision.id == entry.decision_id:
            return _told(outcome.decision, outcome.settled_at), Stage.APPLIED.value
    return "", ""


def stage(row: Inspection) -> str:
    """How far the row's decision got; one that can't be taken back any more is final, sealed or not."""
    reached = progress(row)
    if reached is None or row.decision is None:
        return ""
    waiting = reached.stage is Stage.HELD and not held_for(row.decision, timestamps.now())
    return (Stage.RELEASED if waiting else reached.stage).value


def _told(decision: Decision, settled_at: str) -> str:
    return decision.sent_at or settled_at
