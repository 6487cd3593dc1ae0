"""Queues on SQS."""

from typing import Any

from workflow.aws.clients import client


class SqsQueue:
    """Implements workflow.review.Queue."""

    def __init__(self, url: str, sqs: Any = None) -> None:
        self._url = url
        self._sqs = sqs or client("sqs")

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)
