"""The SQS queues, and the EventBridge rule that turns uploads into intake messages."""

import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lambdas import catalog
from local.ports import Ports
from local.resources import INBOUND_BUCKET
from local.settings import ACCOUNT, REGION
from workflow.aws.clients import client
from workflow.aws.object_store import S3ObjectStore
from workflow.inspections import ignored_keys
from workflow.inspections.objects import StoredObject
from workflow.recovery import consistency

UPLOADS_RULE = "partcheck-uploads"
MAX_RECEIVES = 20
MAX_BATCH = 10
RETENTION_SECONDS = 14 * 24 * 3600

UPLOADS_PATTERN: dict[str, Any] = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {"bucket": {"name": [INBOUND_BUCKET]}, "object": {"key": ignored_keys.inspected_key_pattern()}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueUrls:
    """The URLs of the environment's queues."""

    intake: str
    decisions: str
    verdicts: str
    escalations: str
    commands: str


def create_queues() -> QueueUrls:
    """Create all queues and return their URLs.

    A queue that feeds a function has a dead-letter queue and a visibility timeout of six function timeouts.
    """
    timeouts = {function.queue: function.timeout_seconds for function in catalog.FUNCTIONS if function.queue}
    for name in timeouts:
        _create_queue(f"{name}-dlq", {})
    urls = {}
    for name in catalog.QUEUES:
        attributes = _consumer_attributes(name, timeouts[name]) if name in timeouts else {}
        urls[name] = _create_queue(name, attributes)
    return QueueUrls(**urls)


def _consumer_attributes(name: str, timeout_seconds: int) -> dict[str, str]:
    redrive = {"deadLetterTargetArn": queue_arn(f"{name}-dlq"), "maxReceiveCount": MAX_RECEIVES}
    return {"VisibilityTimeout": str(6 * timeout_seconds), "RedrivePolicy": json.dumps(redrive)}


def _create_queue(name: str, attributes: dict[str, str]) -> str:
    """Create a queue, then set its attributes: creating it again with other attributes fails."""
    sqs = client("sqs")
    url = str(sqs.create_queue(QueueName=f"partcheck-{name}")["QueueUrl"])
    retention = {"MessageRetentionPeriod": str(RETENTION_SECONDS)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=retention | attributes)
    return url


def queue_arn(name: str) -> str:
    """Return the ARN of one of the queues."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:partcheck-{name}"


def create_uploads_rule() -> None:
    """Create the rule that sends uploads to the intake, except ignored names."""
    events = client("events")
    events.put_rule(Name=UPLOADS_RULE, EventPattern=json.dumps(UPLOADS_PATTERN), State="ENABLED")
    events.put_targets(Rule=UPLOADS_RULE, Targets=[{"Id": "intake", "Arn": queue_arn("intake")}])


def send_upload_events() -> None:
    """Send the events of all photos in the inbound bucket again, since a killed local AWS forgets its queues.

    A repeated event changes nothing. A lost one would wait for the reconciler's grace period.
    """
    uploads = consistency.list_uploads(S3ObjectStore(), INBOUND_BUCKET)
    url = client("sqs").get_queue_url(QueueName="partcheck-intake")["QueueUrl"]
    while batch := list(islice(uploads, MAX_BATCH)):
        entries = [
            {"Id": str(number), "MessageBody": _upload_event(upload)} for number, upload in enumerate(batch)
        ]
        client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def _upload_event(upload: StoredObject) -> str:
    image = upload.image
    stored = {"key": image.key, "version-id": image.version_id}
    return json.dumps(
        {"time": upload.modified_at, "detail": {"bucket": {"name": image.bucket}, "object": stored}}
    )


def update_saved_queue_urls(state_dir: Path, ports: Ports) -> None:
    """Change the port in saved queue URLs: MiniStack finds a saved queue by its whole URL."""
    file = state_dir / "aws" / "sqs.json"
    if not file.exists():
        return
    before = file.read_text(encoding="utf-8")
    after = re.sub(
        rf"//localhost:\d+/{ACCOUNT}/partcheck-", f"//localhost:{ports.aws}/{ACCOUNT}/partcheck-", before
    )
    if after != before:
        draft = file.with_suffix(".new")
        draft.write_text(after, encoding="utf-8")
        draft.replace(file)
