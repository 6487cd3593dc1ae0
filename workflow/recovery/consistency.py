"""The consistency check: the balance of all uploads, and the issues that reconciliation repairs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from workflow import timestamps
from workflow.inspections.ignored_keys import is_ignored_key
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import ObjectStore, StoredObject, inspection_id
from workflow.inspections.repository import InspectionDatabase, InspectionRepository
from workflow.inspections.verdict import Verdict
from workflow.pipeline.executions import ACTIVE_STATUSES, Executions
from workflow.recovery.id_groups import PREFIX_LENGTH, IdGroupCheck, iter_id_groups
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

    If `history` is given, compare it with the archived executions of that bucket, too. Rows and filed objects
    are read in pages, each once.
    """
    uploads = list(objects.list_versions(inbound))
    missed_uploads = list(find_missed_uploads(inspections, _select_uploads(uploads)))
    id_group_check = build_id_group_check(inspections, objects, uploads)
    issues, open_rows = list[Issue](), list[Inspection]()
    categories: dict[str, Counter[str]] = defaultdict(Counter)
    for group in iter_id_groups(inspections, objects, filed, history):
        found = list(id_group_check.find_issues(group))
        issues += found
        lost = {issue.inspection_id for issue in found if issue.kind is IssueKind.MISSING_OBJECT}
        for row in group.rows:
            if not row.withdrawn:
                categories[row.uploaded_at[:10]]["lost" if row.id in lost else _category(row)] += 1
            if row.state is not InspectionState.CLOSED:
                open_rows.append(row)
    for issue in missed_uploads:
        categories[issue.uploaded_at[:10]]["missed"] += 1
    return ConsistencyReport(
        balance=_balance(sum(categories.values(), Counter())),
        issues=(
            *missed_uploads,
            *find_orphaned(inspections, executions, open_rows),
            *find_undelivered(open_rows),
            *issues,
        ),
        by_day={day: _balance(count) for day, count in sorted(categories.items())},
    )


def build_id_group_check(
    inspections: InspectionDatabase, objects: ObjectStore, uploads: Iterable[StoredObject]
) -> IdGroupCheck:
    """Build the comparison of id groups from the versions in the inbound bucket, listed just before."""
    images = frozenset(upload.image for upload in uploads)
    return IdGroupCheck(
        inspections=inspections,
        objects=objects,
        uploads=images,
        upload_prefixes=frozenset(inspection_id(image)[:PREFIX_LENGTH] for image in images),
        horizon=_horizon(),
    )


def list_uploads(objects: ObjectStore, inbound: str) -> Iterator[StoredObject]:
    """List the versions in the inbound bucket without the ignored names."""
    return _select_uploads(objects.list_versions(inbound))


def _select_uploads(versions: Iterable[StoredObject]) -> Iterator[StoredObject]:
    return (version for version in versions if not is_ignored_key(version.image.key))


def _horizon() -> str:
    return timestamps.add_seconds(timestamps.now(), -GRACE_SECONDS)


def _balance(count: Counter[str]) -> Balance:
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
    horizon = _horizon()
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
    horizon = _horizon()
    for row in rows:
        decision = row.decision
        if decision is not None and not row.settled and decision.decided_at < horizon:
            reason = f"{decision.reviewer} decided {decision.verdict} at {decision.decided_at}"
            yield Issue(
                kind=IssueKind.UNDELIVERED, inspection_id=row.id, image=row.image, reason=reason, row=row
            )
