"""Faithful in-memory stand-ins for the ports: what S3, DynamoDB, SQS and Step Functions promise, no more."""

import hashlib
import itertools
import operator
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from itertools import islice
from typing import Any

from workflow import timestamps
from workflow.errors import Conflict, NotFound, OwnershipLost
from workflow.history.archive import Record
from workflow.history.logs import EXPIRED, LogLines
from workflow.history.metrics import Failure, Hour
from workflow.history.search import Mark, Page, Query, Way, page_of
from workflow.inspections.inspection import (
    MOST_OF_A_NAME,
    AuditEntry,
    Decision,
    Hold,
    Inspection,
    Lease,
    Review,
    SecondLook,
    State,
)
from workflow.inspections.objects import CopyResult, Image, Stored
from workflow.inspections.verdict import Prediction, Verdict
from workflow.pipeline.detection import NotReady, Refused, Scores, Unreadable
from workflow.recovery.commands import Command
from workflow.review.queue import GRACE_SECONDS, Pile, Waiting, pile_of, rank
from workflow.review.second_review import due


class MemoryShelf:
    """Versioned buckets with AWS's answers to conditional copies."""

    def __init__(self) -> None:
        self.objects: dict[Image, bytes] = {}
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
        self.objects[image] = content
        self.uploaded_at[image] = at
        if in_parts:
            self.in_parts.add(image)
        return image

    def stored(self, image: Image) -> Stored:
        content = self.objects[image]
        digest = hashlib.md5(content, usedforsecurity=False)
        if image in self.in_parts:  # The ETag of a multipart upload differs from that of its copy.
            digest = hashlib.md5(digest.digest(), usedforsecurity=False)
        etag = f'"{digest.hexdigest()}{"-1" if image in self.in_parts else ""}"'
        return Stored(image, len(content), etag, self.uploaded_at[image])

    def fetch(self, image: Image, limit: int) -> tuple[Stored, bytes | None] | None:
        if image not in self.objects:
            return None
        content = self.objects[image]
        return self.stored(image), content if len(content) <= limit else None

    def copy(self, source: Stored, bucket: str, key: str) -> Stored | CopyResult:
        if source.image not in self.objects:
            return CopyResult.SOURCE_MISSING
        if self.stored(source.image).etag != source.etag:
            return CopyResult.SOURCE_CHANGED
        if self.newest(bucket, key) is not None:
            return CopyResult.DESTINATION_EXISTS
        return self.stored(self.upload(bucket, key, self.objects[source.image]))

    def newest(self, bucket: str, key: str) -> Stored | None:
        found = [image for image in self.objects if (image.bucket, image.key) == (bucket, key)]
        return self.stored(found[-1]) if found else None

    def delete(self, image: Image) -> None:
        self.objects.pop(image, None)

    def everything(self, bucket: str, prefix: str = "") -> Iterator[Stored]:
        for image in list(self.objects):
            if image.bucket == bucket and image.key.startswith(prefix):
                yield self.stored(image)


class MemoryLedger:
    """The ledger's rows with conditional writes, each of them atomic; indexes are as fresh as the rows."""

    def __init__(self) -> None:
        self.rows: dict[str, Inspection] = {}
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
        stored: Stored,
        sha256: str,
        photo: dict[str, Any],
        rejection: dict[str, str],
    ) -> None:
        facts = {"size": stored.size, "etag": stored.etag, "sha256": sha256}
        row = self._owned(inspection_id, owner)
        if row.photo or row.rejection:
            raise Conflict(inspection_id)
        self._change(inspection_id, owner, photo=photo, rejection=rejection, **facts)

    def record_rejection(self, inspection_id: str, owner: str, rejection: dict[str, str]) -> None:
        self._unanswered(inspection_id, owner)
        self._change(inspection_id, owner, rejection=rejection)

    def record_prediction(self, inspection_id: str, owner: str, prediction: Prediction) -> None:
        self._unanswered(inspection_id, owner)
        self._change(inspection_id, owner, prediction=prediction)

    def record_filing(
        self, before: Inspection, verdict: Verdict, place: Stored, announcement: str, at: str
    ) -> None:
        row = self._owned(before.id, before.owner)
        if (row.location, row.announcement) != (before.location, before.announcement):
            raise Conflict(before.id)
        self._change(
            before.id,
            before.owner,
            verdict=verdict,
            location=place.image,
            leftover=before.leftover if place.image == before.location else before.location,
            etag=place.etag,
            announcement=announcement,
            settled_at=at if announcement else "",
        )

    def record_review(self, inspection_id: str, owner: str, review: Review, rank: str) -> Inspection:
        with self.lock:
            row = self._owned(inspection_id, owner)
            if row.decision is not None or (row.review and row.review.round > review.round):
                return row
            return self._change(inspection_id, owner, state=State.WAITING, review=review)

    def decide(self, inspection_id: str, decision: Decision, entry: AuditEntry) -> None:
        with self.lock:
            row = self.rows.get(inspection_id)
            if row is None or not row.open or row.hold or decision.id in row.undone:
                raise Conflict(inspection_id)
            if not unleased(row, decision.reviewer, decision.decided_at):
                raise Conflict(inspection_id)
            self.rows[inspection_id] = replace(row, decision=decision, lease=None)
            self.entries.append(entry)

    def undo(self, before: Inspection, lease: Lease, rank: str, entry: AuditEntry) -> None:
        with self.lock:
            row, made = self.rows[before.id], self.rows[before.id].decision
            if made is None or made.id != entry.decision_id or made.reviewer != entry.who or made.sealed:
                raise Conflict(before.id)
            undone = (*row.undone, entry.decision_id)
            self.rows[before.id] = replace(row, decision=None, lease=lease, undone=undone)
            self.entries.append(entry)

    def _mark(self, inspection_id: str, decision_id: str, **marks: Any) -> bool:
        with self.lock:
            row = self.rows.get(inspection_id)
            if row is None or row.decision is None or row.decision.id != decision_id:
                return False
            self.rows[inspection_id] = replace(row, decision=replace(row.decision, **marks))
            return True

    def seal(self, inspection_id: str, decision_id: str) -> bool:
        return self._mark(inspection_id, decision_id, sealed=True)

    def record_sent(self, inspection_id: str, decision_id: str, at: str) -> None:
        if not self.rows[inspection_id].announcement:
            self._mark(inspection_id, decision_id, sent_at=at)

    def revise(self, before: Inspection, after: Inspection, entry: AuditEntry) -> None:
        with self.lock:
            row = self.rows[before.id]
            if row.state is not State.CLOSED or row.owner != before.owner or row.second != before.second:
                raise Conflict(before.id)
            changed = {
                item.name: getattr(after, item.name)
                for item in fields(Inspection)
                if getattr(after, item.name) != getattr(before, item.name)
            }
            self.rows[before.id] = replace(row, **changed)
            self.entries.append(entry)

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def close(self, inspection_id: str, owner: str, at: str) -> None:
        if not self._owned(inspection_id, owner).closed_at:
            self._change(inspection_id, owner, state=State.CLOSED, closed_at=at)

    def hand_over(self, before: Inspection, owner: str, attempt: int, at: str) -> bool:
        row = self.rows.get(before.id)
        if row is None:
            raise NotFound(before.id)
        if (row.owner, row.state) != (before.owner, before.state):
            return False
        self.rows[before.id] = replace(row, owner=owner, attempt=attempt, attempted_at=at)
        return True

    def in_state(self, state: State) -> Iterator[Inspection]:
        rows = [row for row in self.rows.values() if row.state is state]
        yield from sorted(rows, key=lambda row: row.claimed_at)

    def oldest(self, state: State) -> Inspection | None:
        return next(self.in_state(state), None)

    def decided(self, limit: int) -> Iterator[Inspection]:
        return (row for row in islice(self.in_state(State.WAITING), limit) if row.decision)

    def count_recent(self, state: State, since: str, limit: int) -> int:
        return min(limit, sum(row.claimed_at >= since for row in self.in_state(state)))

    def newest(self, limit: int) -> list[Inspection]:
        return sorted(self.rows.values(), key=lambda row: row.claimed_at, reverse=True)[:limit]

    def by_name(self, name: str, limit: int = MOST_OF_A_NAME) -> list[Inspection]:
        return [row for row in self.newest(len(self.rows)) if row.image.name == name][:limit]

    def audit_trail(self, inspection_id: str) -> list[AuditEntry]:
        return [entry for entry in self.entries if entry.inspection_id == inspection_id]

    def audit_day(self, day: str, since: str = "", newest_first: bool = False) -> Iterator[AuditEntry]:
        found = [entry for entry in self.entries if entry.at[:10] == day and entry.at >= since]
        yield from sorted(found, key=lambda entry: entry.at, reverse=newest_first)


def unleased(row: Inspection, reviewer: str, now: str) -> bool:
    """Whether nobody but this reviewer has a photo leased."""
    return row.lease is None or row.lease.reviewer == reviewer or row.lease.until <= now


class MemoryReviews:
    """The queue of reviews over the same rows as a ledger."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger

    def pile(self, row: Inspection) -> Pile | None:
        if row.open:
            return Pile.HELD if row.hold else Pile.OPEN
        if row.second is not None:
            return pile_of(row.second)
        return Pile.SECOND if due(row) else None

    def listed(self, pile: Pile, since: str = "") -> Iterator[Waiting]:
        rows = [row for row in list(self.ledger.rows.values()) if self.pile(row) is pile]
        listed = [self._waiting(row) for row in rows]
        yield from sorted((one for one in listed if one.rank >= since), key=lambda one: one.rank)

    def _waiting(self, row: Inspection) -> Waiting:
        asked = row.review
        since, escalated = (asked.opened_at, asked.escalated) if asked else ("", False)
        place = rank(row.prediction, since, escalated)
        if not row.open:
            place = row.second.at if row.second else row.settled_at
        first = row.decision.reviewer if row.decision else ""
        return Waiting(row.id, place, since, escalated, row.lease, row.hold, row.skipped, first, row.second)

    def lease(self, inspection_id: str, lease: Lease, now: str) -> Inspection | None:
        with self.ledger.lock:
            row = self.ledger.rows.get(inspection_id)
            if row is None or self.pile(row) not in (Pile.OPEN, Pile.SECOND):
                return None
            if row.decision is not None and row.decision.reviewer == lease.reviewer:
                return None
            if row.skipped.get(lease.reviewer, "") > now:
                return None
            if not unleased(row, lease.reviewer, timestamps.later(now, -GRACE_SECONDS)):
                return None
            self.ledger.rows[row.id] = replace(row, lease=lease)
            return self.ledger.rows[row.id]

    def free(
        self, inspection_id: str, reviewer: str, skipped: dict[str, str] | None = None, until: str = ""
    ) -> bool:
        with self.ledger.lock:
            row = self.ledger.rows[inspection_id]
            if row.lease is None or row.lease.reviewer != reviewer or (until and row.lease.until > until):
                return False
            skips = row.skipped if skipped is None else skipped
            self.ledger.rows[row.id] = replace(row, lease=None, skipped=skips)
            return True

    def hold(self, inspection_id: str, hold: Hold, entry: AuditEntry) -> None:
        with self.ledger.lock:
            row = self.ledger.rows.get(inspection_id)
            if row is None or self.pile(row) is not Pile.OPEN or not unleased(row, hold.by, hold.at):
                raise Conflict(inspection_id)
            self.ledger.rows[row.id] = replace(row, hold=hold, lease=None)
            self.ledger.entries.append(entry)

    def unhold(self, inspection_id: str, entry: AuditEntry) -> None:
        with self.ledger.lock:
            row = self.ledger.rows.get(inspection_id)
            if row is None or self.pile(row) is not Pile.HELD:
                raise Conflict(inspection_id)
            self.ledger.rows[row.id] = replace(row, hold=None)
            self.ledger.entries.append(entry)

    def record_second(
        self, before: Inspection, second: SecondLook | None, lease: Lease | None, entry: AuditEntry
    ) -> None:
        with self.ledger.lock:
            row = self.ledger.rows[before.id]
            if (row.owner, row.second) != (before.owner, before.second):
                raise Conflict(before.id)
            if self.pile(row) is not pile_of(before.second) or not unleased(row, entry.who, entry.at):
                raise Conflict(before.id)
            undone = row.undone if second else (*row.undone, entry.decision_id)
            self.ledger.rows[row.id] = replace(row, second=second, lease=lease, undone=undone)
            self.ledger.entries.append(entry)


class MemoryTokens:
    """The token table."""

    def __init__(self) -> None:
        self.tokens: dict[str, list[str]] = {}
        self.attempts: dict[str, int] = {}

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        newest = self.attempts.get(inspection_id, 0)
        kept = self.tokens.get(inspection_id, []) if attempt == newest else []
        if attempt >= newest:
            self.attempts[inspection_id] = attempt
            self.tokens[inspection_id] = [*(one for one in kept if one != token), token]

    def of(self, inspection_id: str) -> list[str]:
        return self.tokens.get(inspection_id, [])[::-1]

    def remove(self, inspection_id: str, token: str) -> None:
        kept = [one for one in self.tokens.get(inspection_id, ()) if one != token]
        self.tokens[inspection_id] = kept
        if not kept:
            del self.tokens[inspection_id]


class MemoryQueue:
    """A queue that keeps what was sent, and by how many seconds each was delayed."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.delays: list[int] = []

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self.sent.append(body)
        self.delays.append(delay_seconds)


class MemoryExecutions:
    """Step Functions' names, states and tokens; a used and an expired token get the same answer."""

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

    def status(self, name: str) -> str | None:
        return self.statuses.get(name)

    def stop(self, name: str, why: str) -> bool:
        if name not in self.statuses:
            return False
        self.statuses[name] = "ABORTED"
        return True

    def running(self) -> set[str]:
        return {name for name, status in self.statuses.items() if status == "RUNNING"}

    def redrive(self, name: str) -> str:
        if name not in self.redrivable:
            return "Execution is not redrivable"
        self.statuses[name] = "RUNNING"
        return ""

    def succeed(self, token: str, output: dict[str, Any]) -> bool:
        if token not in self.live_tokens:
            return False
        self.live_tokens.remove(token)
        self.answers.append((token, output))
        return True


class FakeDetector:
    """A model that gives the prepared answers in turn, and the last one for ever.

    With a shelf it refuses, as Rekognition does, what does not lie there.
    """

    def __init__(
        self, *answers: Scores | NotReady | Refused | Unreadable, shelf: MemoryShelf | None = None
    ) -> None:
        self.answers = list(answers)
        self.shelf = shelf
        self.seen: list[Image] = []

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused | Unreadable:
        self.seen.append(image)
        if self.shelf is not None and image not in self.shelf.objects:
            return Unreadable("Unable to get object metadata from S3.")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class MemorySearch:
    """Finding inspections by looking at every row; what DynamoSearch must find too."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger

    def page(self, query: Query, mark: Mark | None = None, size: int = 25) -> Page:
        forward = mark is not None and mark.way is Way.NEWER
        rows = sorted(
            (row for row in self.ledger.rows.values() if query.answers(row)),
            key=lambda row: (row.claimed_at, row.id),
            reverse=not forward,
        )
        if mark is not None:
            here = (mark.at, mark.id)
            beyond = operator.gt if forward else operator.lt
            rows = [row for row in rows if beyond((row.claimed_at, row.id), here)]
        return page_of(iter(rows), mark, size)


class MemoryArchive:
    """The kept records."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def get(self, execution: str) -> Record | None:
        return self.records.get(execution)

    def keep(self, record: Record) -> None:
        self.records[record.execution] = record


class MemoryHistories:
    """What Step Functions still tells."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def told(self, execution: str) -> Record | None:
        return self.records.get(execution)

    def ended_badly(self, known: Callable[[str], bool]) -> Iterator[str]:
        bad = ("FAILED", "TIMED_OUT", "ABORTED")
        return (name for name, record in self.records.items() if record.status in bad and not known(name))


class MemoryLogs:
    """What was logged, by execution and step."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], LogLines] = {}

    def of(self, execution: str, step: int) -> LogLines:
        return self.lines.get((execution, step), LogLines(why_none=EXPIRED))


class MemoryBooks:
    """Marks, counts by the hour and failures, beside a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.done: dict[str, tuple[State, str]] = {}
        self.names: set[str] = set()
        self.counted: dict[str, Counter[str]] = {}
        self.failed: dict[str, Failure] = {}

    def unkept(self) -> Iterator[str]:
        rows = sorted(self.ledger.rows.values(), key=lambda row: row.claimed_at)
        for row in rows:
            state, closed_at = self.done.get(row.id, (None, ""))
            if state is None or (row.state is State.CLOSED and closed_at != row.closed_at):
                yield row.id

    def add_name(self, row: Inspection) -> None:
        self.names.add(row.id)

    def kept(self, row: Inspection, counts: Mapping[str, int]) -> bool:
        now = self.ledger.rows[row.id]
        if (now.state, now.closed_at) != (row.state, row.closed_at):
            return False
        self.done[row.id] = (row.state, row.closed_at)
        if counts:
            self.counted.setdefault(f"{row.closed_at[:13]}:00:00.000Z", Counter()).update(counts)
        return True

    def knows_failure(self, execution: str) -> bool:
        return execution in self.failed

    def add_failure(self, failure: Failure) -> None:
        self.failed[failure.execution] = failure

    def hours(self, since: str, until: str) -> list[Hour]:
        hours = (Hour(at, dict(counts)) for at, counts in sorted(self.counted.items()))
        return [hour for hour in hours if since[:13] <= hour.at[:13] and hour.at < until]

    def failures(self, since: str, limit: int = 1000) -> list[Failure]:
        found = sorted(self.failed.values(), key=lambda one: one.at, reverse=True)
        return [one for one in found if one.at >= since][:limit]


class MemoryCommands:
    """Commands with the entries about them."""

    def __init__(self) -> None:
        self.kept: dict[str, Command] = {}
        self.entries: list[AuditEntry] = []

    def ask(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        if command.id not in self.kept:
            self.kept[command.id] = command
            self.entries += entries

    def get(self, command_id: str) -> Command | None:
        return self.kept.get(command_id)

    def open(self) -> list[Command]:
        some = (command for command in self.kept.values() if not command.ended_at)
        return sorted(some, key=lambda command: command.asked_at)

    def advance(self, before: Command, after: Command) -> bool:
        if self.kept[before.id] != before:
            return False
        self.kept[after.id] = after
        return True
