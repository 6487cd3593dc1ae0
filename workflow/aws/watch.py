"""How a deployed line is: its alarms, and what waits in its queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow.aws.clients import client

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm with its state (OK, ALARM, INSUFFICIENT_DATA) and what to do about it."""

    name: str
    state: str
    about: str


def alarms(names: Sequence[str], cloudwatch: Any = None) -> list[Alarm]:
    """The state of alarms, by their names."""
    service, found = cloudwatch or client("cloudwatch"), []
    for begin in range(0, len(names), AT_ONCE):
        answer = service.describe_alarms(AlarmNames=list(names[begin : begin + AT_ONCE]))
        found += [
            Alarm(one["AlarmName"], one["StateValue"], one.get("AlarmDescription", ""))
            for one in answer["MetricAlarms"]
        ]
    return found


def waiting(queue_url: str, sqs: Any = None) -> int:
    """How many messages a queue holds, those that are being worked on included; about."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = (sqs or client("sqs")).get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)
