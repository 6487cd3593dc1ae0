"""In-memory implementations of the ports. They promise what S3, DynamoDB, SQS and Step Functions promise."""

import hashlib
import itertools
import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import islice
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.history.archive import ExecutionRecord
from workflow.history.logs import EXPIRED, LogLines
from workflow.history.metrics import FailedExecution, HourlyMetrics, InspectionMetrics, Routing, replace_score
from workflow.history.search import Cursor, Direction, InspectionPage, InspectionQuery, build_page
from workflow.inspections.inspection import (
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    InspectionState,
    Lease,
    Review,
    SecondReview,
)
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.objects import CopyFailure, Image, StoredObject
from workflow.inspections.repository import MAX_NAME_MATCHES
from workflow.inspections.verdict import Prediction, Verdict
from workflow.photos.measures import PhotoMeasures, UnmeasurablePhoto
from workflow.pipeline.detection import ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady
from workflow.recovery.commands import Command
from workflow.recovery.scheduled_check import CheckProgress
from workflow.review.queue import (
    CLOCK_SKEW_SECONDS,
    ReviewItem,
    ReviewQueue,
    compute_priority,
    review_queue_of,
)
from workflow.review.second_review import is_due


class InMemoryObjectStore:
    """Versioned buckets with AWS's answers to conditional copies."""

    def __init__(self) -> None:
        self.contents: dict[Image, bytes] = {}
        self.uploaded_at: dict[Image, str] = {}
        self.in_parts: set[Image] = set()
        self._versions = itertools.count(1)

    def upload(
        self,
        bucket: str,
        key: str,
        content: bytes,
        at: str = "2026-01-01T00:00:00.000Z",
        in_parts: bool = False,
    ) -> Image:
        image = Image(bucket, key, f"v{next(self._versions)}")
        self.contents[image] = content
        self.uploaded_at[image] = at
        if in_parts:
            self.in_parts.add(image)
        return image

    def stored(self, image: Image) -> StoredObject:
        content = self.contents[image]
        digest = hashlib.md5(content, usedforsecurity=False)
        if image in self.in_parts:  # The ETag of a multipart upload differs from that of its copy.
            digest = hashlib.md5(digest.digest(), usedforsecurity=False)
        etag = f'"{digest.hexdigest()}{"-1" if image in self.in_parts else ""}"'
        return StoredObject(image=image, size=len(content), etag=etag, modified_at=self.uploaded_at[image])

    def fetch(self, image: Image, limit: int) -> tuple[StoredObject, bytes | None] | None:
        if image not in self.contents:
            return None
        content = self.contents[image]
        return self.stored(image), content if len(content) <= limit else None

    def copy_if_unchanged(self, source: StoredObject, bucket: str, key: str) -> StoredObject | CopyFailure:
        if source.image not in self.contents:
            return CopyFailure.SOURCE_MISSING
        if self.stored(source.image).etag != source.etag:
            return CopyFailure.SOURCE_CHANGED
        if self.get_latest(bucket, key) is not None:
            return CopyFailure.DESTINATION_EXISTS
        return self.stored(self.upload(bucket, key, self.contents[source.image]))

    def get_latest(self, bucket: str, key: str) -> StoredObject | None:
        found = [image for image in self.contents if (image.bucket, image.key) == (bucket, key)]
        return self.stored(found[-1]) if found else None

    def delete(self, image: Image) -> None:
        self.contents.pop(image, None)

    def list_versions(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        for image in sorted(self.contents, key=lambda image: image.key):
            if image.bucket == bucket and image.key.startswith(prefix) and image.key > after:
                yield self.stored(image)


class InMemoryInspectionRepository:
    """Inspections in memory. Every conditional write is atomic, and indexes do not lag."""

    def __init__(self) -> None:
        self.rows: dict[str, Inspection] = {}
        self.descriptors: dict[tuple[str, int], tuple[float, ...]] = {}
        self.entries: list[AuditEntry] = []
        self.lock = threading.RLock()

    def _owned(self, inspection_id: str, owner: str) -> Inspection:
        row = self.rows.get(inspection_id)
        if row is None:
            raise NotFound(inspection_id)
        if row.owner != owner:
            raise OwnershipLost(inspection_id)
        return row

    def _change(self, inspection_id: str, owner: str, **changes: Any) -> Inspection:
        self.rows[inspection_id] = replace(self._owned(inspection_id, owner), **changes)
        return self.rows[inspection_id]

    def _unanswered(self, inspection_id: str, owner: str) -> None:
        row = self._owned(inspection_id, owner)
        if row.prediction is not None or row.rejection:
            raise Conflict(inspection_id)

    def claim(self, new: Inspection) -> Inspection | None:
        row = self.rows.setdefault(new.id, new)
        return row if row.owner == new.owner else None

    def get(self, inspection_id: str) -> Inspection | None:
        return self.rows.get(inspection_id)

    def record_upload(
        self,
        inspection_id: str,
        owner: str,
        stored: StoredObject,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
        measures: PhotoMeasures | UnmeasurablePhoto | None = None,
    ) -> None:
        facts = {"size": stored.size, "etag": stored.etag, "sha256": sha256, "camera": stored.camera}
        row = self._owned(inspection_id, owner)
        if row.photo or row.rejection:
            raise Conflict(inspection_id)
        self._change(inspection_id, owner, photo=photo, rejection=rejection, **facts)
        if measures is not None:
            self.record_measures(inspection_id, owner, measures)

    def record_measures(
        self, inspection_id: str, owner: str, measures: PhotoMeasures | UnmeasurablePhoto
    ) -> None:
        if isinstance(measures, UnmeasurablePhoto):
            self._change(inspection_id, owner, measures=None, unmeasurable=measures.reason)
            return
        self._change(inspection_id, owner, measures=replace(measures, descriptor=()), unmeasurable="")
        self.descriptors[inspection_id, measures.decoder_version] = measures.descriptor

    def get_descriptor(self, inspection_id: str, decoder_version: int) -> tuple[float, ...]:
        return self.descriptors.get((inspection_id, decoder_version), ())

    def record_rejection(self, inspection_id: str, owner: str, rejection: dict[str, str]) -> None:
        self._unanswered(inspection_id, owner)
        self._change(inspection_id, owner, rejection=rejection)

    def record_prediction(self, inspection_id: str, owner: str, prediction: Prediction) -> None:
        self._unanswered(inspection_id, owner)
        self._change(inspection_id, owner, prediction=prediction)

    def record_filing(
        self, before: Inspection, verdict: Verdict, location: StoredObject, announcement: str, at: str
    ) -> None:
        row = self._owned(before.id, before.owner)
        if (row.location, row.announcement) != (before.location, before.announcement):
            raise Conflict(before.id)
        self._change(
            before.id,
            before.owner,
            verdict=verdict,
            location=location.image,
            pending_delete=before.pending_delete if location.image == before.location else before.location,
            etag=location.etag,
            announcement=announcement,
            settled_at=at if announcement else "",
        )

    def record_review(self, inspection_id: str, owner: str, review: Review, priority: str) -> Inspection:
        with self.lock:
            row = self._owned(inspection_id, owner)
            if row.decision is not None or (row.review and row.review.round > review.round):
                return row
            return self._change(inspection_id, owner, state=InspectionState.WAITING, review=review)

    def record_decision(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        with self.lock:
            row = self.rows.get(inspection_id)
            if row is None or not row.awaits_decision or row.hold or decision.id in row.undone_ids:
                raise Conflict(inspection_id)
            if not unleased(row, decision.reviewer, decision.decided_at):
                raise Conflict(inspection_id)
            self.rows[inspection_id] = replace(row, decision=decision, lease=None)
            self.entries.append(entry)

    def undo_decision(self, before: Inspection, lease: Lease, priority: str, entry: AuditEntry) -> None:
        with self.lock:
            row, made = self.rows[before.id], self.rows[before.id].decision
            if made is None or made.id != entry.decision_id or made.reviewer != entry.actor or made.finalized:
                raise Conflict(before.id)
            undone = (*row.undone_ids, entry.decision_id)
            self.rows[before.id] = replace(row, decision=None, lease=lease, undone_ids=undone)
            self.entries.append(entry)

    def _mark(self, inspection_id: str, decision_id: str, **marks: Any) -> bool:
        with self.lock:
            row = self.rows.get(inspection_id)
            if row is None or row.decision is None or row.decision.id != decision_id:
                return False
            self.rows[inspection_id] = replace(row, decision=replace(row.decision, **marks))
            return True

    def finalize(self, inspection_id: str, decision_id: str) -> bool:
        return self._mark(inspection_id, decision_id, finalized=True)

    def record_delivery(self, inspection_id: str, decision_id: str, at: str) -> None:
        if not self.rows[inspection_id].announcement:
            self._mark(inspection_id, decision_id, delivered_at=at)

    def record_revision(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        with self.lock:
            row = self.rows[before.id]
            if (
                row.state is not InspectionState.CLOSED
                or row.owner != before.owner
                or row.second_review != before.second_review
            ):
                raise Conflict(before.id)
            changed = {
                item.name: getattr(after, item.name)
                for item in fields(Inspection)
                if getattr(after, item.name) != getattr(before, item.name)
            }
            self.rows[before.id] = replace(row, **changed)
            self.entries.append(entry)

    def append_audit_entry(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        if not self._owned(inspection_id, owner).closed_at:
            self._change(inspection_id, owner, state=InspectionState.CLOSED, closed_at=at)

    def transfer_ownership(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        row = self.rows.get(before.id)
        if row is None:
            raise NotFound(before.id)
        if (row.owner, row.state) != (before.owner, before.state):
            return False
        self.rows[before.id] = replace(row, owner=owner, attempt=attempt, attempted_at=at)
        return True

    def list_by_state(self, state: InspectionState) -> Iterator[Inspection]:
        rows = [row for row in self.rows.values() if row.state is state]
        yield from sorted(rows, key=lambda row: row.claimed_at)

    def list_by_id(self, after: str = "") -> Iterator[Inspection]:
        yield from (self.rows[row_id] for row_id in sorted(self.rows) if row_id > after)

    def get_oldest(self, state: InspectionState) -> Inspection | None:
        return next(self.list_by_state(state), None)

    def list_decided(self, limit: int) -> Iterator[Inspection]:
        return (row for row in islice(self.list_by_state(InspectionState.WAITING), limit) if row.decision)

    def count_recent(self, state: InspectionState, since: str, limit: int) -> int:
        return min(limit, sum(row.claimed_at >= since for row in self.list_by_state(state)))

    def list_newest(self, limit: int) -> list[Inspection]:
        return sorted(self.rows.values(), key=lambda row: row.claimed_at, reverse=True)[:limit]

    def list_by_name(self, name: str, limit: int = MAX_NAME_MATCHES, until: str = "") -> list[Inspection]:
        rows = [row for row in self.list_newest(len(self.rows)) if row.image.name == name]
        return [row for row in rows if not until or row.claimed_at <= until][:limit]

    def get_audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        return [entry for entry in self.entries if entry.inspection_id == inspection_id]

    def list_audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        found = [entry for entry in self.entries if entry.at[:10] == day and entry.at >= since]
        yield from sorted(found, key=lambda entry: entry.at, reverse=newest_first)


class InMemoryReferenceRepository:
    """References of models in memory."""

    def __init__(self, *references: ModelReference) -> None:
        self.references = {reference.model: reference for reference in references}

    def get(self, model: str) -> ModelReference | None:
        return self.references.get(model)

    def put(self, reference: ModelReference) -> None:
        self.references[reference.model] = reference


def unleased(row: Inspection, reviewer: str, now: str) -> bool:
    """Return whether no other reviewer has a lease on the photo."""
    return row.lease is None or row.lease.reviewer == reviewer or row.lease.expires_at <= now


class InMemoryReviewRepository:
    """Review queues in memory, over the rows of an inspection repository."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        self.inspections = inspections

    def review_queue(self, row: Inspection) -> ReviewQueue | None:
        if row.awaits_decision:
            return ReviewQueue.ON_HOLD if row.hold else ReviewQueue.OPEN
        if row.second_review is not None:
            return review_queue_of(row.second_review)
        return ReviewQueue.SECOND_REVIEW if is_due(row) else None

    def list_items(self, review_queue: ReviewQueue, since: str = "") -> Iterator[ReviewItem]:
        rows = [row for row in list(self.inspections.rows.values()) if self.review_queue(row) is review_queue]
        listed = [self._waiting(row) for row in rows]
        yield from sorted((one for one in listed if one.priority >= since), key=lambda one: one.priority)

    def _waiting(self, row: Inspection) -> ReviewItem:
        asked = row.review
        since, escalated = (asked.opened_at, asked.escalated) if asked else ("", False)
        place = compute_priority(row.prediction, since, escalated)
        if not row.awaits_decision:
            place = row.second_review.at if row.second_review else row.settled_at
        first = row.decision.reviewer if row.decision else ""
        return ReviewItem(
            id=row.id,
            priority=place,
            opened_at=since,
            escalated=escalated,
            lease=row.lease,
            hold=row.hold,
            skipped=row.skipped,
            first_decided_by=first,
            second_review=row.second_review,
        )

    def lease(
        self, inspection_id: str, lease: Lease, now: str, *, ends_skip: bool = False
    ) -> Inspection | None:
        with self.inspections.lock:
            row = self.inspections.rows.get(inspection_id)
            if row is None or self.review_queue(row) not in (ReviewQueue.OPEN, ReviewQueue.SECOND_REVIEW):
                return None
            if row.decision is not None and row.decision.reviewer == lease.reviewer:
                return None
            if row.skipped.get(lease.reviewer, "") > now and not ends_skip:
                return None
            if not unleased(row, lease.reviewer, timestamps.add_seconds(now, -CLOCK_SKEW_SECONDS)):
                return None
            skipped = {name: until for name, until in row.skipped.items() if name != lease.reviewer}
            kept = skipped if ends_skip else row.skipped
            self.inspections.rows[row.id] = replace(row, lease=lease, skipped=kept)
            return self.inspections.rows[row.id]

    def release_lease(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        with self.inspections.lock:
            row = self.inspections.rows[inspection_id]
            if (
                row.lease is None
                or row.lease.reviewer != reviewer
                or (until and row.lease.expires_at > until)
            ):
                return False
            skips = row.skipped if skipped is None else skipped
            self.inspections.rows[row.id] = replace(row, lease=None, skipped=skips)
            return True

    def hold(self, inspection_id: str, hold: Hold, entry: AuditEntry) -> None:
        with self.inspections.lock:
            row = self.inspections.rows.get(inspection_id)
            if (
                row is None
                or self.review_queue(row) is not ReviewQueue.OPEN
                or not unleased(row, hold.reviewer, hold.at)
            ):
                raise Conflict(inspection_id)
            self.inspections.rows[row.id] = replace(row, hold=hold, lease=None)
            self.inspections.entries.append(entry)

    def release_hold(self, inspection_id: str, entry: AuditEntry) -> None:
        with self.inspections.lock:
            row = self.inspections.rows.get(inspection_id)
            if row is None or self.review_queue(row) is not ReviewQueue.ON_HOLD:
                raise Conflict(inspection_id)
            self.inspections.rows[row.id] = replace(row, hold=None)
            self.inspections.entries.append(entry)

    def record_second_review(
        self, before: Inspection, second: SecondReview | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        with self.inspections.lock:
            row = self.inspections.rows[before.id]
            if (row.owner, row.second_review) != (before.owner, before.second_review):
                raise Conflict(before.id)
            if self.review_queue(row) is not review_queue_of(before.second_review) or not unleased(
                row, entry.actor, entry.at
            ):
                raise Conflict(before.id)
            undone = row.undone_ids if second else (*row.undone_ids, entry.decision_id)
            self.inspections.rows[row.id] = replace(row, second_review=second, lease=lease, undone_ids=undone)
            self.inspections.entries.append(entry)


class InMemoryTaskTokenStore:
    """Task tokens in memory."""

    def __init__(self) -> None:
        self.tokens: dict[str, list[str]] = {}
        self.attempts: dict[str, int] = {}

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        newest = self.attempts.get(inspection_id, 0)
        kept = self.tokens.get(inspection_id, []) if attempt == newest else []
        if attempt >= newest:
            self.attempts[inspection_id] = attempt
            self.tokens[inspection_id] = [*(one for one in kept if one != token), token]

    def list_tokens(self, inspection_id: str) -> list[str]:
        return self.tokens.get(inspection_id, [])[::-1]

    def remove(self, inspection_id: str, token: str) -> None:
        kept = [one for one in self.tokens.get(inspection_id, ()) if one != token]
        self.tokens[inspection_id] = kept
        if not kept:
            del self.tokens[inspection_id]


class InMemoryMessageQueue:
    """A queue in memory with its messages and the delay of each in seconds."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.delays: list[int] = []

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self.sent.append(body)
        self.delays.append(delay_seconds)


class InMemoryCheckProgressStore:
    """The progress of the scheduled check in memory."""

    def __init__(self) -> None:
        self.progress = CheckProgress()

    def load(self) -> CheckProgress:
        return self.progress

    def save(self, progress: CheckProgress) -> None:
        self.progress = progress


class InMemoryExecutions:
    """Executions in memory: names, statuses and tokens. Used and expired tokens get the same answer."""

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, str] = {}
        self.live_tokens: set[str] = set()
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.redrivable: set[str] = set()

    def start(self, name: str, document: dict[str, Any]) -> bool:
        if name in self.statuses:
            return self.statuses[name] == "RUNNING" and self.started[name] == document
        self.started[name] = document
        self.statuses[name] = "RUNNING"
        return True

    def get_status(self, name: str) -> str | None:
        return self.statuses.get(name)

    def stop(self, name: str, why: str) -> bool:
        if name not in self.statuses:
            return False
        self.statuses[name] = "ABORTED"
        return True

    def list_running(self) -> set[str]:
        return {name for name, status in self.statuses.items() if status == "RUNNING"}

    def redrive(self, name: str) -> str:
        if name not in self.redrivable:
            return "Execution is not redrivable"
        self.statuses[name] = "RUNNING"
        return ""

    def complete_task(self, token: str, output: dict[str, Any]) -> bool:
        if token not in self.live_tokens:
            return False
        self.live_tokens.remove(token)
        self.answers.append((token, output))
        return True


class FakeDetector:
    """A detector that returns prepared answers in turn, and then repeats the last one.

    With an object store it refuses images that are not in it, as Rekognition does.
    """

    def __init__(
        self,
        *answers: ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable,
        objects: InMemoryObjectStore | None = None,
    ) -> None:
        self.answers = list(answers)
        self.objects = objects
        self.seen: list[Image] = []

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        self.seen.append(image)
        if self.objects is not None and image not in self.objects.contents:
            return ImageUnreadable("Unable to get object metadata from S3.")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class InMemoryInspectionSearch:
    """Finding inspections by looking at every row; what DynamoSearch must find too."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        self.inspections = inspections

    def fetch_page(
        self, query: InspectionQuery, mark: Cursor | None = None, size: int = 25
    ) -> InspectionPage:
        forward = mark is not None and mark.direction is Direction.NEWER
        rows = sorted(
            (row for row in self.inspections.rows.values() if query.matches(row)),
            key=lambda row: (row.claimed_at, row.id),
            reverse=not forward,
        )
        if mark is not None:
            here = (mark.at, mark.id)
            beyond = operator.gt if forward else operator.lt
            rows = [row for row in rows if beyond((row.claimed_at, row.id), here)]
        return build_page(iter(rows), mark, size)


class InMemoryExecutionArchive:
    """Archived executions in memory."""

    def __init__(self) -> None:
        self.records: dict[str, ExecutionRecord] = {}

    def get(self, execution: str) -> ExecutionRecord | None:
        return self.records.get(execution)

    def save(self, record: ExecutionRecord) -> None:
        self.records[record.execution] = record


class InMemoryHistorySource:
    """Execution records in memory, as Step Functions returns them."""

    def __init__(self) -> None:
        self.records: dict[str, ExecutionRecord] = {}

    def fetch(self, execution: str) -> ExecutionRecord | None:
        return self.records.get(execution)

    def list_failed(self, known: Callable[[str], bool]) -> Iterator[str]:
        bad = ("FAILED", "TIMED_OUT", "ABORTED")
        return (name for name, record in self.records.items() if record.status in bad and not known(name))


class InMemoryStepLogs:
    """Log lines in memory, by execution and step."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], LogLines] = {}

    def fetch(self, execution: str, step: int) -> LogLines:
        return self.lines.get((execution, step), LogLines(empty_reason=EXPIRED))


class InMemoryArchiveIndex:
    """Archive marks, hourly counts and failures in memory."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        self.inspections = inspections
        self.done: dict[str, tuple[InspectionState, str]] = {}
        self.measured: dict[str, InspectionMetrics] = {}
        self.scores: dict[str, dict[Routing, list[float]]] = {}
        self.names: set[str] = set()
        self.counted: dict[str, Counter[str]] = {}
        self.failed: dict[str, FailedExecution] = {}

    def list_unarchived_ids(self) -> Iterator[str]:
        rows = sorted(self.inspections.rows.values(), key=lambda row: row.claimed_at)
        for row in rows:
            if self.done.get(row.id) != (row.state, row.closed_at):
                yield row.id

    def add_name(self, row: Inspection) -> None:
        self.names.add(row.id)

    def mark_archived(self, row: Inspection, metrics: InspectionMetrics) -> bool:
        now = self.inspections.rows[row.id]
        if (now.state, now.closed_at) != (row.state, row.closed_at):
            return False
        self.done[row.id] = (row.state, row.closed_at)
        counts = self.counted.setdefault(f"{row.claimed_at[:13]}:00:00.000Z", Counter())
        counts.subtract(self.measured.get(row.id, InspectionMetrics()).counts)
        counts.update(metrics.counts)
        hour = f"{row.claimed_at[:13]}:00:00.000Z"
        before = self.measured.get(row.id, InspectionMetrics()).score
        self.scores[hour] = replace_score(self.scores.get(hour, {}), before, metrics.score)
        self.measured[row.id] = metrics
        return True

    def has_failure(self, execution: str) -> bool:
        return execution in self.failed

    def add_failure(self, failure: FailedExecution) -> None:
        self.failed[failure.execution] = failure

    def list_hours(self, since: str, until: str) -> list[HourlyMetrics]:
        hours = (
            HourlyMetrics(at, dict(counts), self.scores.get(at, {}))
            for at, counts in sorted(self.counted.items())
        )
        return [
            hour
            for hour in hours
            if any(hour.counts.values()) and since[:13] <= hour.at[:13] and hour.at < until
        ]

    def list_failures(self, since: str, limit: int = 1000) -> list[FailedExecution]:
        found = sorted(self.failed.values(), key=lambda one: one.at, reverse=True)
        return [one for one in found if one.at >= since][:limit]


class InMemoryCommandRepository:
    """Commands in memory, with their audit entries."""

    def __init__(self) -> None:
        self.kept: dict[str, Command] = {}
        self.entries: list[AuditEntry] = []

    def add(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        if command.id not in self.kept:
            self.kept[command.id] = command
            self.entries += entries

    def get(self, command_id: str) -> Command | None:
        return self.kept.get(command_id)

    def list_open(self) -> list[Command]:
        some = (command for command in self.kept.values() if not command.ended_at)
        return sorted(some, key=lambda command: command.requested_at)

    def update_if_unchanged(self, before: Command, after: Command) -> bool:
        if self.kept[before.id] != before:
            return False
        self.kept[after.id] = after
        return True

    def lock(self, owner: str, now: str, until: str) -> bool:
        return True

    def unlock(self, owner: str) -> None:
        """Nothing is locked."""
