"""The consistency check: the balance of all uploads, and the issues that reconciliation repairs."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from workflow import timestamps
from workflow.inspections.ignored_keys import is_ignored_key
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, ObjectStore, StoredObject, inspection_id
from workflow.inspections.repository import InspectionDatabase, InspectionRepository
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import ACTIVE_STATUSES, Executions
from workflow.recovery.issues import Issue, IssueKind

GRACE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The count of uploaded versions by their place: uploads = the sum of the other counts.

    Uploads that were deleted before they could be judged are not counted.
    """

    uploads: int
    ok: int
    defect: int
    waiting: int
    rejected: int
    in_flight: int

    @property
    def is_balanced(self) -> bool:
        """True if the equation holds."""
        return self.uploads == self.ok + self.defect + self.waiting + self.rejected + self.in_flight


@dataclass(frozen=True, slots=True)
class ConsistencyReport:
    """The balance at one time, all issues, and the balance of each day of uploading."""

    balance: Balance
    issues: tuple[Issue, ...]
    by_day: Mapping[str, Balance]

    @property
    def is_clean(self) -> bool:
        """True if the balance holds and there are no issues."""
        return self.balance.is_balanced and not self.issues


def check(
    inspections: InspectionDatabase,
    objects: ObjectStore,
    executions: Executions,
    inbound: str,
    filed: str,
    *,
    history: str = "",
) -> ConsistencyReport:
    """Compare the inspections table with the inbound and filed buckets and with the running executions.

    If `history` is given, compare it with the archived executions of that bucket, too.
    """
    horizon = timestamps.add_seconds(timestamps.now(), -GRACE_SECONDS)
    # A row that changes its state meanwhile is listed twice: the later version counts.
    by_id = {row.id: row for state in InspectionState for row in inspections.list_by_state(state)}
    rows = [row for row in by_id.values() if not row.withdrawn]
    inbound_versions = list(objects.list_versions(inbound))
    missed_uploads = list(find_missed_uploads(inspections, _select_uploads(inbound_versions)))
    copies = list(objects.list_versions(filed))
    stored = {version.image for version in (*inbound_versions, *copies)}
    archived = list(objects.list_versions(history)) if history else []
    missing_objects = list(_find_missing_objects(inspections, rows, stored))
    open_rows = [row for row in rows if row.state is not InspectionState.CLOSED]
    issues = [
        *missed_uploads,
        *find_orphaned(inspections, executions, open_rows),
        *find_undelivered(open_rows),
        *missing_objects,
        *_find_pending_deletes(rows, stored),
        *_find_unreferenced_copies(inspections, rows, stored, filed),
        *_find_unknown_objects(by_id.values(), (copy for copy in copies if copy.modified_at < horizon)),
        *_find_lost_rows(by_id.keys(), (record for record in archived if record.modified_at < horizon)),
    ]
    lost = {issue.inspection_id for issue in missing_objects}
    categories = defaultdict(list)
    for row in rows:
        categories[row.uploaded_at[:10]].append("lost" if row.id in lost else _category(row))
    for issue in missed_uploads:
        categories[issue.uploaded_at[:10]].append("missed")
    return ConsistencyReport(
        balance=_balance(category for day in categories.values() for category in day),
        issues=tuple(issues),
        by_day={day: _balance(of_day) for day, of_day in sorted(categories.items())},
    )


def list_uploads(objects: ObjectStore, inbound: str) -> Iterator[StoredObject]:
    """List the versions in the inbound bucket without the ignored names."""
    return _select_uploads(objects.list_versions(inbound))


def _select_uploads(versions: Iterable[StoredObject]) -> Iterator[StoredObject]:
    return (version for version in versions if not is_ignored_key(version.image.key))


def _balance(categories: Iterable[str]) -> Balance:
    count = Counter(categories)
    return Balance(
        uploads=count.total(),
        ok=count["ok"],
        defect=count["defect"],
        waiting=count["waiting"],
        rejected=count["rejected"],
        in_flight=count["open"],
    )


def _category(row: Inspection) -> str:
    if row.settled and row.verdict is not None:
        return row.verdict.value
    return "waiting" if row.state is InspectionState.WAITING and row.verdict is Verdict.UNCLEAR else "open"


def find_missed_uploads(
    inspections: InspectionRepository, uploads: Iterable[StoredObject]
) -> Iterator[Issue]:
    """Find uploaded versions that have no row after GRACE_SECONDS."""
    horizon = timestamps.add_seconds(timestamps.now(), -GRACE_SECONDS)
    for upload in uploads:
        upload_id = inspection_id(upload.image)
        if upload.modified_at < horizon and inspections.get(upload_id) is None:
            yield Issue(
                kind=IssueKind.MISSED_UPLOAD,
                inspection_id=upload_id,
                image=upload.image,
                reason=f"uploaded at {upload.modified_at}, and no inspection began",
                uploaded_at=upload.modified_at,
            )


def find_orphaned(
    inspections: InspectionRepository, executions: Executions, rows: Iterable[Inspection]
) -> Iterator[Issue]:
    """Find open inspections whose execution ended or is forgotten."""
    running = executions.list_running()
    for row in rows:
        if row.owner in running:
            continue
        status = executions.get_status(row.owner)
        current = inspections.get(row.id)
        if (
            status in ACTIVE_STATUSES
            or current is None
            or current.state is InspectionState.CLOSED
            or current.owner != row.owner
        ):
            continue
        reason = f"execution {row.owner} is {status.lower() if status else 'forgotten'}"
        yield Issue(
            kind=IssueKind.ORPHANED_INSPECTION,
            inspection_id=row.id,
            image=row.image,
            reason=reason,
            row=current,
        )


def find_undelivered(rows: Iterable[Inspection]) -> Iterator[Issue]:
    """Find decisions that have not moved their photo after GRACE_SECONDS."""
    horizon = timestamps.add_seconds(timestamps.now(), -GRACE_SECONDS)
    for row in rows:
        decision = row.decision
        if decision is not None and not row.settled and decision.decided_at < horizon:
            reason = f"{decision.reviewer} decided {decision.verdict} at {decision.decided_at}"
            yield Issue(
                kind=IssueKind.UNDELIVERED, inspection_id=row.id, image=row.image, reason=reason, row=row
            )


def _find_missing_objects(
    inspections: InspectionRepository, rows: Iterable[Inspection], stored: set[Image]
) -> Iterator[Issue]:
    """Find rows whose photo is not stored at its recorded location."""
    for row in rows:
        if row.location in stored:
            continue
        current = inspections.get(row.id)
        if current is not None and current.location == row.location:
            yield Issue(
                kind=IssueKind.MISSING_OBJECT,
                inspection_id=row.id,
                image=row.location,
                reason=f"no object at {_uri(row.location)}",
                row=row,
            )


def _find_pending_deletes(rows: Iterable[Inspection], stored: set[Image]) -> Iterator[Issue]:
    """Find originals of closed inspections that were not deleted.

    An original without a stored copy is left out, since it may be the last copy of the photo.
    """
    for row in rows:
        if row.state is InspectionState.CLOSED and row.pending_delete in stored and row.location in stored:
            yield Issue(
                kind=IssueKind.PENDING_DELETE,
                inspection_id=row.id,
                image=row.pending_delete,
                reason=f"the photo is stored at {_uri(row.location)}",
                row=row,
            )


def _find_unreferenced_copies(
    inspections: InspectionRepository, rows: Iterable[Inspection], stored: set[Image], filed: str
) -> Iterator[Issue]:
    """Find copies beside the photo without a row that points at them.

    An execution that lost its ownership may leave one.
    """
    by_prefix = {row.id[:16]: row.id for row in rows}
    referenced = {image for row in rows for image in (row.location, row.pending_delete)}
    for image in sorted(stored - referenced, key=lambda image: (image.key, image.version_id)):
        row_id = by_prefix.get(_folder(image))
        current = inspections.get(row_id) if row_id and image.bucket == filed else None
        if current is None or current.state is not InspectionState.CLOSED or current.location not in stored:
            continue
        if image not in (current.location, current.pending_delete):
            yield Issue(
                kind=IssueKind.UNREFERENCED_COPY,
                inspection_id=current.id,
                image=image,
                reason=f"the row points at {current.location.key}",
                row=current,
            )


def _find_unknown_objects(rows: Iterable[Inspection], copies: Iterable[StoredObject]) -> Iterator[Issue]:
    """Find objects in the filed bucket that no row names and that lie in the folder of no inspection."""
    prefixes, named = set(), set()
    for row in rows:
        prefixes.add(row.id[:16])
        named |= {row.location, row.pending_delete}
    for copy in copies:
        if copy.image not in named and _folder(copy.image) not in prefixes:
            yield Issue(
                kind=IssueKind.UNKNOWN_OBJECT,
                inspection_id=inspection_id(copy.image),
                image=copy.image,
                reason=f"no row names the object that was stored at {copy.modified_at}",
            )


def _find_lost_rows(ids: Container[str], archived: Iterable[StoredObject]) -> Iterator[Issue]:
    """Find archived executions of inspections, with their verdict messages, that have no row."""
    newest = {record.image.key.partition("-")[0]: record.image for record in archived}
    for lost, image in newest.items():
        if lost not in ids:
            reason = f"its execution is archived as {image.key[:12]}…, and no row has its verdict"
            yield Issue(kind=IssueKind.LOST_ROW, inspection_id=lost, image=image, reason=reason)


def _folder(image: Image) -> str:
    """Return the id prefix in the key of a filed photo, or an empty string."""
    parts = image.key.split("/")
    return parts[1].partition("-")[0] if len(parts) == 3 and parts[0] in set(Verdict) else ""


def _uri(image: Image) -> str:
    return f"s3://{image.bucket}/{image.key}"
