"""The line's queues, fed by the rule that turns uploads into messages."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from lambdas import catalog
from local.ports import Ports
from local.resources import INBOUND_BUCKET
from local.settings import ACCOUNT, REGION
from workflow.aws.clients import client

UPLOADS_RULE = "partcheck-uploads"
MAX_RECEIVES = 20
KEPT_SECONDS = 14 * 24 * 3600

UPLOADS = {
    "source": ["aws.s3"],
    "detail-type": ["Object Created"],
    "detail": {
        "bucket": {"name": [INBOUND_BUCKET]},
        "object": {"key": [{"anything-but": {"suffix": "/"}}]},
    },
}


@dataclass(frozen=True, slots=True)
class Queues:
    """The URLs of the line's queues."""

    intake: str
    decisions: str
    verdicts: str
    escalations: str
    commands: str


def create_queues() -> Queues:
    """What functions read has a dead-letter queue, and hides a message for six times the function's time."""
    fed = {function.queue: function.timeout_seconds for function in catalog.FUNCTIONS if function.queue}
    for name in fed:
        _create_queue(f"{name}-dlq", {})
    urls = {}
    for name in catalog.QUEUES:
        reading = _reading(name, fed[name]) if name in fed else {}
        urls[name] = _create_queue(name, reading)
    return Queues(**urls)


def _reading(name: str, function_seconds: int) -> dict[str, str]:
    redrive = {"deadLetterTargetArn": queue_arn(f"{name}-dlq"), "maxReceiveCount": MAX_RECEIVES}
    return {"VisibilityTimeout": str(6 * function_seconds), "RedrivePolicy": json.dumps(redrive)}


def _create_queue(name: str, attributes: dict[str, str]) -> str:
    """Attributes are set in a second step, because creating a queue again with other attributes fails."""
    sqs = client("sqs")
    url = str(sqs.create_queue(QueueName=f"partcheck-{name}")["QueueUrl"])
    kept = {"MessageRetentionPeriod": str(KEPT_SECONDS)}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=kept | attributes)
    return url


def queue_arn(name: str) -> str:
    """The ARN of one of the line's queues."""
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:partcheck-{name}"


def create_rule() -> None:
    """Every upload but folder markers, whose keys end in a slash, becomes an intake message."""
    events = client("events")
    events.put_rule(Name=UPLOADS_RULE, EventPattern=json.dumps(UPLOADS), State="ENABLED")
    events.put_targets(Rule=UPLOADS_RULE, Targets=[{"Id": "intake", "Arn": queue_arn("intake")}])


def readdress(home: Path, ports: Ports) -> None:
    """Bring kept queues along when a line starts on other ports: MiniStack finds a queue by its whole URL."""
    file = home / "aws" / "sqs.json"
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
