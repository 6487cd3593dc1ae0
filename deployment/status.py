"""Status of a deployed stage: alarms and queue lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow.aws.clients import client

MAX_NAMES_PER_CALL = 100


@dataclass(frozen=True, slots=True)
class AlarmStatus:
    """An alarm with its state (OK, ALARM, INSUFFICIENT_DATA) and a description that says what to do."""

    name: str
    state: str
    description: str


def get_alarms(names: Sequence[str], cloudwatch: Any = None) -> list[AlarmStatus]:
    """Return the alarms with these names."""
    service, alarms = cloudwatch or client("cloudwatch"), list[AlarmStatus]()
    for begin in range(0, len(names), MAX_NAMES_PER_CALL):
        answer = service.describe_alarms(AlarmNames=list(names[begin : begin + MAX_NAMES_PER_CALL]))
        alarms += [
            AlarmStatus(alarm["AlarmName"], alarm["StateValue"], alarm.get("AlarmDescription", ""))
            for alarm in answer["MetricAlarms"]
        ]
    return alarms


def count_messages(queue_url: str, sqs: Any = None) -> int:
    """Return the approximate number of messages in a queue, including those being processed."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = (sqs or client("sqs")).get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)
