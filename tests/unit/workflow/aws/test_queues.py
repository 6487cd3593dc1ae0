"""A message is sent to SQS with its delay."""

import pytest

from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.queues import SqsMessageQueue


@pytest.mark.parametrize("delay", [0, 30])
def test_a_message_is_sent_with_its_delay(delay: int) -> None:
    with stubbed("sqs") as (client, stub):
        expected = {"QueueUrl": "https://queue", "MessageBody": "text", "DelaySeconds": delay}
        stub.add_response("send_message", {}, expected)

        SqsMessageQueue("https://queue", client).send("text", delay)
