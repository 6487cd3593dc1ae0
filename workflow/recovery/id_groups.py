"""Rows, filed objects and archived executions, merged in the order of their ids without a list in memory.

A filed object lies at `<verdict>/<first 16 digits of its inspection's id>/<name>`, and an archived execution
is named after the id. One pass over the sorted lists finds every row without its object, and every object
without its row. It can resume after any group.
"""

import heapq
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from workflow.inspections.ignored_keys import is_ignored_key
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, InspectionId, ObjectStore, StoredObject, inspection_id
from workflow.inspections.repository import InspectionDatabase
from workflow.inspections.serialization import s3_uri
from workflow.inspections.verdict import Verdict
from workflow.recovery.issues import Issue, IssueKind

PREFIX_LENGTH = 16
_END = "\U0010ffff"  # No character comes later in the order of keys and ids.


@dataclass(frozen=True, slots=True, kw_only=True)
class IdGroup:
    """Everything whose id or folder begins with the same 16 digits.

    `position` is the position after which to resume.
    """

    position: str
    rows: tuple[Inspection, ...] = ()
    copies: tuple[StoredObject, ...] = ()
    records: tuple[StoredObject, ...] = ()


def iter_id_groups(
    inspections: InspectionDatabase, objects: ObjectStore, filed: str, history: str = "", after: str = ""
) -> Iterator[IdGroup]:
    """Yield what the table, the filed bucket and the archive hold, in the order of ids, after a position.

    Objects outside the verdicts' prefixes come first, each as a group of its own; their positions begin with
    a slash.
    """
    if after.startswith("/") or not after:
        for copy in _list_elsewhere(objects, filed, after[1:]):
            yield IdGroup(position=f"/{copy.image.key}", copies=(copy,))
        after = ""
    start = after + _END if after else ""
    streams = [
        ((row.id[:PREFIX_LENGTH], row) for row in inspections.list_by_id(start)),
        *(_list_copies(objects, filed, f"{verdict}/", start) for verdict in Verdict),
    ]
    if history:
        records = objects.list_versions(history, after=start)
        streams.append((record.image.key[:PREFIX_LENGTH], record) for record in records)
    for prefix, group in groupby(heapq.merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        entries = [entry for _, entry in group]
        stored = [entry for entry in entries if isinstance(entry, StoredObject)]
        yield IdGroup(
            position=prefix,
            rows=tuple(entry for entry in entries if isinstance(entry, Inspection)),
            copies=tuple(entry for entry in stored if entry.image.bucket == filed),
            records=tuple(entry for entry in stored if entry.image.bucket != filed),
        )


def _list_copies(
    objects: ObjectStore, filed: str, prefix: str, start: str
) -> Iterator[tuple[str, StoredObject]]:
    for copy in objects.list_versions(filed, prefix=prefix, after=prefix + start):
        yield copy.image.key[len(prefix) :][:PREFIX_LENGTH], copy


def _list_elsewhere(objects: ObjectStore, filed: str, after: str) -> Iterator[StoredObject]:
    """List the objects between the verdicts' prefixes, without the many that lie under these."""
    for verdict in sorted(Verdict):
        for copy in objects.list_versions(filed, after=after):
            if copy.image.key >= f"{verdict}/":
                break
            yield copy
        after = max(after, f"{verdict}/{_END}")
    yield from objects.list_versions(filed, after=after)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdGroupCheck:
    """The comparison of the rows and objects of one group.

    `uploads` are the versions in the inbound bucket, and `upload_prefixes` the first digits of their ids: a
    copy of one of them is about to get its place in a row, even if the index does not show the row yet. An
    object that is younger than `horizon` is no issue yet either. Lists may lag, so every suspicion is checked
    by consistent reads.
    """

    inspections: InspectionDatabase
    objects: ObjectStore
    uploads: Container[Image]
    upload_prefixes: Container[str]
    horizon: str

    def find_issues(self, group: IdGroup) -> Iterator[Issue]:
        """Find rows without their object, and objects and archived executions without their row."""
        stored = {copy.image for copy in group.copies}
        for row in group.rows:
            if not row.withdrawn:
                yield from self._check_row(row, stored)
        owner = group.rows[0] if group.rows else None
        for copy in group.copies:
            if owner and id_prefix(copy.image):
                yield from self._check_surplus(copy.image, owner)
            else:
                yield from self._check_unknown(copy)
        if owner is None:
            yield from self._find_lost_rows(group.records)

    def _check_row(self, row: Inspection, stored: Container[Image]) -> Iterator[Issue]:
        """Find a photo that is not at its recorded location, and an original that was not deleted.

        An original without a stored copy is left out, since it may be the last copy of the photo.
        """
        if row.location not in stored and not self._exists(row.location):
            current = self.inspections.get(row.id)
            if current is not None and not current.withdrawn and current.location == row.location:
                reason = f"no object at {s3_uri(row.location)}"
                yield _issue(IssueKind.MISSING_OBJECT, row, row.location, reason)
        elif row.state is InspectionState.CLOSED:
            for image in {row.image, row.pending_delete or row.image} - {row.location}:
                if image in stored or image in self.uploads:
                    yield from self._check_pending_delete(row, image)

    def _check_pending_delete(self, row: Inspection, image: Image) -> Iterator[Issue]:
        if self.objects.fetch(image, 0) is not None and self._exists(row.location):
            reason = f"the photo is stored at {s3_uri(row.location)}"
            yield _issue(IssueKind.PENDING_DELETE, row, image, reason)

    def _check_surplus(self, image: Image, row: Inspection) -> Iterator[Issue]:
        """Find a copy beside the photo: an execution that lost its ownership may leave one."""
        if image in (row.location, row.pending_delete):
            return
        current = self.inspections.get(row.id)
        if current is None or current.state is not InspectionState.CLOSED or current.withdrawn:
            return
        if image not in (current.location, current.pending_delete) and self._exists(current.location):
            reason = f"the row points at {current.location.key}"
            yield _issue(IssueKind.UNREFERENCED_COPY, current, image, reason)

    def _check_unknown(self, copy: StoredObject) -> Iterator[Issue]:
        """Find an object in the folder of no row, unless an inspection of this very object adopted it."""
        image = copy.image
        if copy.modified_at >= self.horizon or is_ignored_key(image.key):
            return
        adopted = self.inspections.get(inspection_id(image))
        if adopted is None and id_prefix(image) not in self.upload_prefixes:
            yield Issue(
                kind=IssueKind.UNKNOWN_OBJECT,
                inspection_id=inspection_id(image),
                image=image,
                reason=f"no row names the object that was stored at {copy.modified_at}",
                uploaded_at=copy.modified_at,
            )
        elif adopted and adopted.location != image and adopted.state is InspectionState.CLOSED:
            yield from self._check_pending_delete(adopted, image)

    def _find_lost_rows(self, records: Iterable[StoredObject]) -> Iterator[Issue]:
        """Find archived executions of inspections, with their verdict messages, that have no row."""
        newest = {InspectionId(record.image.key.partition("-")[0]): record for record in records}
        for lost, record in newest.items():
            if record.modified_at < self.horizon:
                name = record.image.key[:12]
                reason = f"its execution is archived as {name}…, and no row has its verdict"
                yield Issue(kind=IssueKind.LOST_ROW, inspection_id=lost, image=record.image, reason=reason)

    def _exists(self, image: Image) -> bool:
        return image in self.uploads or self.objects.fetch(image, 0) is not None


def _issue(kind: IssueKind, row: Inspection, image: Image, reason: str) -> Issue:
    return Issue(kind=kind, inspection_id=row.id, image=image, reason=reason, row=row)


def id_prefix(image: Image) -> str:
    """Return the id prefix in a key that filing gave, or an empty string."""
    parts = image.key.split("/")
    return parts[1][:PREFIX_LENGTH] if len(parts) == 3 and parts[0] in set(Verdict) else ""
