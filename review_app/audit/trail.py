"""Audit trail queries: filtered entries, each with its photo and the delivery status of its decision."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby, islice

from workflow import timestamps
from workflow.history.search import InspectionQuery, InspectionSearch
from workflow.inspections.inspection import AuditAction, AuditEntry, Decision, Inspection
from workflow.inspections.repository import AuditLog, InspectionDatabase
from workflow.inspections.undo_window import DecisionStatus, decision_progress, undo_seconds_left
from workflow.inspections.verdict import Verdict

MAX_DAYS = 366
LOOKUP_THREADS = 8
PHOTO_PAGE_SIZE = 50
MAX_PHOTO_PAGES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilters:
    """Filters for audit entries. Days are UTC and inclusive; an empty filter matches everything.

    `image` names photos as a search for inspections does. Then the days do not count.
    """

    first_day: str
    last_day: str
    actor: str = ""
    action: str = ""
    image: str = ""

    def __contains__(self, entry: AuditEntry) -> bool:
        return self.actor in ("", entry.actor) and self.action in ("", entry.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """An audit entry with its inspection and the delivery of its decision.

    `seconds` is the time from the review request to the decision.
    """

    entry: AuditEntry
    row: Inspection | None
    undone: bool = False
    seconds: float | None = None
    delivered_at: str = ""
    status: str = ""

    @property
    def photo_name(self) -> str:
        """The photo's name, empty without an inspection."""
        return self.row.image.name or self.row.image.key if self.row else ""

    @property
    def verdict(self) -> str:
        """The verdict after the action, empty if the entry holds something else."""
        return self.entry.after if self.entry.after in set(Verdict) else ""

    @property
    def photo_key(self) -> str:
        """The photo's key in its bucket, empty without an inspection."""
        return self.row.image.key if self.row else ""


def find_entries(
    inspections: AuditLog, photos: Collection[Inspection] | None, filters: AuditFilters, before: str = ""
) -> Iterator[AuditEntry]:
    """Yield the entries that match, newest first, starting after the cursor `before`.

    With `photos`, yield those of the photos, of any day.
    """
    if photos is not None:
        candidates: Iterable[AuditEntry] = _entries_of_photos(inspections, photos)
    else:
        candidates = _entries_of_days(inspections, filters, before)
    for entry in _in_cursor_order(candidates):
        if entry in filters and (not before or entry_cursor(entry) < before):
            yield entry


def entry_cursor(entry: AuditEntry) -> str:
    """Return an entry's position among all entries; it is unique even if entries share a timestamp."""
    return f"{entry.at}#{entry.action}#{entry.decision_id}#{entry.inspection_id}"


def _in_cursor_order(newest_first: Iterable[AuditEntry]) -> Iterator[AuditEntry]:
    """Sort entries that share a timestamp by their cursors; the table returns them in any order."""
    for _, same_time in groupby(newest_first, key=lambda entry: entry.at):
        yield from sorted(same_time, key=entry_cursor, reverse=True)


def _entries_of_days(inspections: AuditLog, filters: AuditFilters, before: str) -> Iterator[AuditEntry]:
    day = min(filters.last_day, before[:10]) if before else filters.last_day
    for _ in range(MAX_DAYS):
        if day < filters.first_day:
            return
        yield from inspections.list_audit_day(day, newest_first=True)
        day = timestamps.add_seconds(f"{day}T00:00:00Z", -1)[:10]


def find_photos(
    search: InspectionSearch, filters: AuditFilters
) -> tuple[Collection[Inspection] | None, bool]:
    """Return the newest photos that the filter names, or None if it names none; and if there may be more."""
    if not filters.image:
        return None, False
    query, photos = InspectionQuery(name=filters.image), list[Inspection]()
    page = search.fetch_page(query, size=PHOTO_PAGE_SIZE)
    for _ in range(MAX_PHOTO_PAGES - 1):
        photos += page.rows
        if page.older is None:
            return photos, False
        page = search.fetch_page(query, page.older, PHOTO_PAGE_SIZE)
    return [*photos, *page.rows], page.older is not None


def _entries_of_photos(inspections: AuditLog, photos: Iterable[Inspection]) -> list[AuditEntry]:
    """Return the entries of all photos, of any day; they are read in parallel."""
    with ThreadPoolExecutor(LOOKUP_THREADS) as pool:
        entries = pool.map(inspections.get_audit_trail, [row.id for row in photos])
        return sorted(chain.from_iterable(entries), key=entry_cursor, reverse=True)


def describe_entries(
    inspections: InspectionDatabase, entries: Iterator[AuditEntry], count: int
) -> list[TrailEntry]:
    """Describe the next `count` entries; their inspections are read in parallel."""
    chosen = list(islice(entries, count))
    ids = list({entry.inspection_id for entry in chosen})
    with ThreadPoolExecutor(LOOKUP_THREADS) as pool:
        rows = dict(zip(ids, pool.map(inspections.get, ids), strict=True))
    return [describe_entry(entry, rows) for entry in chosen]


def describe_entry(entry: AuditEntry, rows: Mapping[str, Inspection | None]) -> TrailEntry:
    """Describe one entry with the inspection from `rows`."""
    row = rows.get(entry.inspection_id)
    if row is None:
        return TrailEntry(entry=entry, row=None)
    undone = (
        entry.action is not AuditAction.UNDO
        and bool(entry.decision_id)
        and entry.decision_id in row.undone_ids
    )
    seconds = None
    if entry.action is AuditAction.DECIDE and row.review is not None:
        seconds = max(0.0, timestamps.seconds_between(row.review.opened_at, entry.at))
    delivered_at, status = _delivery(entry, row)
    return TrailEntry(
        entry=entry, row=row, undone=undone, seconds=seconds, delivered_at=delivered_at, status=status
    )


def _delivery(entry: AuditEntry, row: Inspection) -> tuple[str, str]:
    """Return when the entry's decision was delivered to the execution, and the decision's status."""
    if not entry.decision_id or entry.action not in (AuditAction.DECIDE, AuditAction.OVERRIDE):
        return "", ""
    if row.decision is not None and row.decision.id == entry.decision_id:
        return _delivered_at(row.decision, row.settled_at), decision_status(row)
    for previous in row.previous_revisions:
        if previous.decision is not None and previous.decision.id == entry.decision_id:
            return _delivered_at(previous.decision, previous.settled_at), DecisionStatus.APPLIED.value
    return "", ""


def decision_status(row: Inspection) -> str:
    """Return the status of the row's decision. A decision after its undo window counts as released."""
    progress = decision_progress(row)
    if progress is None or row.decision is None:
        return ""
    window_over = progress.status is DecisionStatus.UNDOABLE and not undo_seconds_left(
        row.decision, timestamps.now()
    )
    return (DecisionStatus.FINAL if window_over else progress.status).value


def _delivered_at(decision: Decision, settled_at: str) -> str:
    return decision.delivered_at or settled_at
