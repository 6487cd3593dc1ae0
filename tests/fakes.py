"""Services in memory: the product's adapters on AWS without a network, and fakes of what has none there."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from workflow.aws.archive_index import DynamoArchiveIndex
from workflow.aws.commands import DynamoCommandRepository
from workflow.aws.hourly_metrics import DynamoMetricsStore, hour_key
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.items import (
    from_audit_item,
    from_inspection_item,
    to_attribute_values,
    to_inspection_item,
)
from workflow.aws.reviews import DynamoReviewRepository
from workflow.aws.search import DynamoInspectionSearch
from workflow.aws.task_tokens import DynamoTaskTokenStore
from workflow.history.archive import ExecutionRecord
from workflow.history.logs import EXPIRED, LogLines
from workflow.inspections.inspection import AuditEntry, Inspection
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.objects import CopyFailure, Image, StoredObject
from workflow.pipeline.detection import ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady
from workflow.recovery.commands import Command
from workflow.recovery.scheduled_check import CheckProgress
from workflow.review.queue import ReviewQueue, compute_priority, review_queue_of
from workflow.review.second_review import is_due
from workflow.tables import AUDIT, COMMAND_LOG, INSPECTIONS, METRICS, NAME_INDEX, TABLES, TASK_TOKENS


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


class Rows(MutableMapping[str, Inspection]):
    """The inspections of a table, by id. Setting one keeps what its indexes hold beside it."""

    def __init__(self, dynamodb: InMemoryDynamoDB) -> None:
        self._dynamodb, self._items = dynamodb, dynamodb.tables[INSPECTIONS.name].items

    def __getitem__(self, inspection_id: str) -> Inspection:
        return from_inspection_item(self._items[inspection_id,])

    def __setitem__(self, inspection_id: str, row: Inspection) -> None:
        item = {**self._items.get((inspection_id,), {}), **to_inspection_item(row)}
        for name in ("review_queue", "priority"):
            item.pop(name, None)
        self._dynamodb.put_item(INSPECTIONS.name, item | to_attribute_values(queue_attributes(row)))

    def __delitem__(self, inspection_id: str) -> None:
        del self._items[inspection_id,]

    def __iter__(self) -> Iterator[str]:
        return (key[0] for key, item in list(self._items.items()) if "image" in item)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def queue_attributes(row: Inspection) -> dict[str, str]:
    """Return the review queue of a row and its priority there, as the writes of the product set them."""
    opened_at, escalated = (row.review.opened_at, row.review.escalated) if row.review else ("", False)
    if row.awaits_decision:
        queue = ReviewQueue.ON_HOLD if row.hold else ReviewQueue.OPEN
        return {"review_queue": queue, "priority": compute_priority(row.prediction, opened_at, escalated)}
    if row.second_review is not None or is_due(row):
        at = row.second_review.at if row.second_review else row.settled_at
        return {"review_queue": review_queue_of(row.second_review), "priority": at}
    return {}


class InMemoryInspectionRepository(DynamoInspectionRepository):
    """Inspections and their audit trail without AWS, with every table that refers to them."""

    def __init__(self, dynamodb: InMemoryDynamoDB | None = None) -> None:
        self.dynamodb = dynamodb or InMemoryDynamoDB(map(InMemoryTable, TABLES))
        super().__init__(INSPECTIONS.name, AUDIT.name, self.dynamodb)

    @property
    def rows(self) -> Rows:
        return Rows(self.dynamodb)

    @property
    def entries(self) -> list[AuditEntry]:
        """The audit trail in the order of its writes."""
        return [from_audit_item(item) for item in self.dynamodb.tables[AUDIT.name].items.values()]

    def location_of(self, inspection_id: str) -> Image | None:
        """Return where a row says that its photo is, without converting the rest of the row."""
        item = self.dynamodb.tables[INSPECTIONS.name].items.get((inspection_id,))
        return Image(**{name: value["S"] for name, value in item["location"]["M"].items()}) if item else None


class InMemoryReviewRepository(DynamoReviewRepository):
    """Review queues without AWS, over the rows of an inspection repository."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        super().__init__(INSPECTIONS.name, AUDIT.name, inspections.dynamodb)


class InMemoryTaskTokenStore(DynamoTaskTokenStore):
    """Task tokens without AWS."""

    def __init__(self) -> None:
        self.dynamodb = InMemoryDynamoDB([InMemoryTable(TASK_TOKENS)])
        arrivals = map(float, itertools.count(1))
        super().__init__(TASK_TOKENS.name, self.dynamodb, lambda: next(arrivals))

    @property
    def tokens(self) -> dict[str, list[str]]:
        """The stored tokens of each inspection that has some."""
        items = self.dynamodb.tables[TASK_TOKENS.name].items
        return {key[0]: self.list_tokens(key[0]) for key, item in items.items() if "tokens" in item}

    def clear(self) -> None:
        """Lose every token."""
        self.dynamodb.tables[TASK_TOKENS.name].items.clear()


class InMemoryInspectionSearch(DynamoInspectionSearch):
    """Search without AWS, over the rows of an inspection repository."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        super().__init__(INSPECTIONS.name, NAME_INDEX.name, inspections.dynamodb)


class InMemoryArchiveIndex(DynamoArchiveIndex, DynamoMetricsStore):
    """Archive marks, hourly counts and failures without AWS, over the rows of an inspection repository."""

    def __init__(self, inspections: InMemoryInspectionRepository) -> None:
        DynamoArchiveIndex.__init__(
            self, INSPECTIONS.name, NAME_INDEX.name, METRICS.name, inspections.dynamodb
        )
        DynamoMetricsStore.__init__(self, METRICS.name, inspections.dynamodb)

    def count(self, at: str, counts: Mapping[str, int]) -> None:
        """Set the counts of an hour."""
        self._dynamodb.put_item(METRICS.name, hour_key(at) | to_attribute_values(counts))


class InMemoryCommandRepository(DynamoCommandRepository):
    """Commands without AWS, with their audit entries."""

    def __init__(self) -> None:
        self.dynamodb = InMemoryDynamoDB([InMemoryTable(COMMAND_LOG), InMemoryTable(AUDIT)])
        super().__init__(COMMAND_LOG.name, AUDIT.name, self.dynamodb)

    @property
    def kept(self) -> dict[str, Command]:
        return {
            id_: command
            for (id_,) in self.dynamodb.tables[COMMAND_LOG.name].items
            if (command := self.get(id_))
        }

    @property
    def entries(self) -> list[AuditEntry]:
        return [from_audit_item(item) for item in self.dynamodb.tables[AUDIT.name].items.values()]


class InMemoryReferenceRepository:
    """References of models in memory."""

    def __init__(self, *references: ModelReference) -> None:
        self.references = {reference.model: reference for reference in references}

    def get(self, model: str) -> ModelReference | None:
        return self.references.get(model)

    def put(self, reference: ModelReference) -> None:
        self.references[reference.model] = reference


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


STOPPED = ModelNotReady("the model is not running", 30)


class FakeDetector:
    """A detector that returns prepared answers in turn, and then repeats the last one.

    With an object store it refuses images that are not in it, as Rekognition does. While it is `stopped`, no
    answer is used up.
    """

    def __init__(
        self,
        *answers: ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable,
        objects: InMemoryObjectStore | None = None,
    ) -> None:
        self.answers = list(answers)
        self.objects = objects
        self.seen: list[Image] = []
        self.stopped = False

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable:
        if self.stopped:
            return STOPPED
        self.seen.append(image)
        if self.objects is not None and image not in self.objects.contents:
            return ImageUnreadable("Unable to get object metadata from S3.")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


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
