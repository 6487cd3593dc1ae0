"""The balance of the ledger, and what is not accounted for: the same findings that reconcile mends."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from workflow import timestamps
from workflow.inspections.inspection import Inspection, Ledger, State
from workflow.inspections.objects import Image, Shelf, Stored, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.intake import ALIVE, Executions

GRACE_SECONDS = 60


class Kind(StrEnum):
    """What can be wrong with the books."""

    MISSED_UPLOAD = "missed upload"
    STRANDED = "stranded inspection"
    UNDELIVERED = "undelivered decision"
    MISPLACED = "misplaced photo"
    LEFTOVER = "leftover original"
    ORPHAN = "orphaned copy"


REMEDY = {
    Kind.MISSED_UPLOAD: "reconcile starts its inspection",
    Kind.STRANDED: "reconcile starts the next attempt",
    Kind.UNDELIVERED: "reconcile delivers it again",
    Kind.MISPLACED: "look for the photo's versions in both buckets and restore them",
    Kind.LEFTOVER: "reconcile deletes it: the ledger points at the copy",
    Kind.ORPHAN: "reconcile deletes it: the ledger points elsewhere",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not accounted for; `image` is the version concerned."""

    kind: Kind
    inspection_id: str
    image: Image
    why: str
    row: Inspection | None = None
    uploaded_at: str = ""

    @property
    def remedy(self) -> str:
        """What mends it."""
        return REMEDY[self.kind]


@dataclass(frozen=True, slots=True)
class Balance:
    """Every uploaded version in exactly one place: uploads = the sum of the others.

    Uploads that were deleted before anybody could judge them are not counted.
    """

    uploads: int
    ok: int
    defect: int
    waiting: int
    rejected: int
    in_flight: int

    @property
    def balanced(self) -> bool:
        """Whether the equation holds."""
        return self.uploads == self.ok + self.defect + self.waiting + self.rejected + self.in_flight


@dataclass(frozen=True, slots=True)
class Report:
    """The balance of one moment with everything that is not accounted for; `days` are those of uploading."""

    balance: Balance
    findings: tuple[Finding, ...]
    days: Mapping[str, Balance]

    @property
    def clean(self) -> bool:
        """Whether everything is accounted for."""
        return self.balance.balanced and not self.findings


def audit(ledger: Ledger, shelf: Shelf, executions: Executions, inbound: str, filed: str) -> Report:
    """Compare the whole ledger with both buckets and the running executions."""
    # A row that changes its state meanwhile is met twice: the later look counts.
    met = {row.id: row for state in State for row in ledger.in_state(state)}
    rows = [row for row in met.values() if not row.withdrawn]
    arrived = list(uploads(shelf, inbound))
    missed = list(missed_uploads(ledger, arrived))
    stored = {entry.image for entry in arrived} | {entry.image for entry in shelf.everything(filed)}
    misplaced = list(_misplaced(ledger, rows, stored))
    still_open = [row for row in rows if row.state is not State.CLOSED]
    findings = [
        *missed,
        *stranded(ledger, executions, still_open),
        *undelivered(still_open),
        *misplaced,
        *_leftovers(rows, stored),
        *_orphans(ledger, rows, stored, filed),
    ]
    lost = {finding.inspection_id for finding in misplaced}
    days = defaultdict(list)
    for row in rows:
        days[row.uploaded_at[:10]].append("lost" if row.id in lost else _place(row))
    for finding in missed:
        days[finding.uploaded_at[:10]].append("missed")
    balances = {day: _balance(places) for day, places in sorted(days.items())}
    return Report(_balance(place for day in days.values() for place in day), tuple(findings), balances)


def uploads(shelf: Shelf, inbound: str) -> Iterator[Stored]:
    """What lies in the inbound bucket, folder markers aside."""
    return (entry for entry in shelf.everything(inbound) if not entry.image.key.endswith("/"))


def _balance(places: Iterable[str]) -> Balance:
    count = Counter(places)
    return Balance(
        count.total(), count["ok"], count["defect"], count["waiting"], count["rejected"], count["open"]
    )


def _place(row: Inspection) -> str:
    if row.settled and row.verdict is not None:
        return row.verdict.value
    return "waiting" if row.state is State.WAITING and row.verdict is Verdict.UNCLEAR else "open"


def missed_uploads(ledger: Ledger, arrived: Iterable[Stored]) -> Iterator[Finding]:
    """Uploaded versions without a ledger row that have been there for a while."""
    horizon = timestamps.later(timestamps.now(), -GRACE_SECONDS)
    for entry in arrived:
        inspection = inspection_id(entry.image)
        if entry.modified_at < horizon and ledger.get(inspection) is None:
            why = f"uploaded at {entry.modified_at}, and no inspection began"
            yield Finding(Kind.MISSED_UPLOAD, inspection, entry.image, why, uploaded_at=entry.modified_at)


def stranded(ledger: Ledger, executions: Executions, rows: Iterable[Inspection]) -> Iterator[Finding]:
    """Open inspections whose execution ended, or that nobody remembers."""
    running = executions.running()
    for row in rows:
        if row.owner in running:
            continue
        status = executions.status(row.owner)
        now = ledger.get(row.id)
        if status in ALIVE or now is None or now.state is State.CLOSED or now.owner != row.owner:
            continue
        why = f"execution {row.owner} is {status.lower() if status else 'forgotten'}"
        yield Finding(Kind.STRANDED, row.id, row.image, why, now)


def undelivered(rows: Iterable[Inspection]) -> Iterator[Finding]:
    """Decisions that stand, but did not move their photo for a while."""
    horizon = timestamps.later(timestamps.now(), -GRACE_SECONDS)
    for row in rows:
        if row.decision is not None and not row.settled and row.decision.decided_at < horizon:
            why = f"{row.decision.reviewer} decided {row.decision.verdict} at {row.decision.decided_at}"
            yield Finding(Kind.UNDELIVERED, row.id, row.image, why, row)


def _misplaced(ledger: Ledger, rows: Iterable[Inspection], stored: set[Image]) -> Iterator[Finding]:
    for row in rows:
        if row.location in stored:
            continue
        now = ledger.get(row.id)
        if now is not None and now.location == row.location:
            where = f"s3://{row.location.bucket}/{row.location.key}"
            yield Finding(Kind.MISPLACED, row.id, row.location, f"nothing lies at {where}", row)


def _leftovers(rows: Iterable[Inspection], stored: set[Image]) -> Iterator[Finding]:
    """Originals of closed inspections; where the copy is missing, the original may be all that remains."""
    for row in rows:
        if row.state is State.CLOSED and row.leftover in stored and row.location in stored:
            where = f"s3://{row.location.bucket}/{row.location.key}"
            yield Finding(Kind.LEFTOVER, row.id, row.leftover, f"the photo lies at {where}", row)


def _orphans(ledger: Ledger, rows: Iterable[Inspection], stored: set[Image], filed: str) -> Iterator[Finding]:
    """Copies that no row points at, beside the photo: an execution that lost its ownership may leave one."""
    by_prefix = {row.id[:16]: row.id for row in rows}
    known = {image for row in rows for image in (row.location, row.leftover)}
    for image in sorted(stored - known, key=lambda image: (image.key, image.version_id)):
        parts = image.key.split("/")
        inspection = (
            by_prefix.get(parts[1].partition("-")[0])
            if len(parts) == 3 and parts[0] in set(Verdict)
            else None
        )
        now = ledger.get(inspection) if inspection and image.bucket == filed else None
        if now is None or now.state is not State.CLOSED or now.location not in stored:
            continue
        if image not in (now.location, now.leftover):
            yield Finding(Kind.ORPHAN, now.id, image, f"the ledger points at {now.location.key}", now)
