"""Message queues on SQS."""

from typing import Any

from workflow.aws.clients import client


class SqsMessageQueue:
    """Implements workflow.review.decisions.MessageQueue."""

    def __init__(self, url: str, sqs: Any = None) -> None:
        self._url = url
        self._sqs = sqs or client("sqs")

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)

    def depth(self) -> int:
        """Return the approximate number of messages that wait to be received."""
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])
