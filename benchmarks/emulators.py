"""A baseline for the local environment: the throughput of the two emulators without the product.

An execution calls a function that returns its input three times, and sends a message at the end. It uses no
photo, no table and no model. The pipeline on the same emulators cannot be faster, so this is an upper bound.
"""

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

from local.functions import ROLE, RUNTIME
from workflow.aws.clients import client

NAME = "benchmark-emulators"
CALLS = 3
RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 6, "JitterStrategy": "FULL"}]  # As in the pipeline.
_SOURCE = "def handler(event, context):\n    return event\n"


@dataclass(frozen=True, slots=True)
class EmulatorBaseline:
    """A state machine without work in its states, and the queue of its messages."""

    state_machine_arn: str
    queue_url: str

    def start(self) -> str:
        """Start an execution, and return the `inspection_id` that its message will contain."""
        name = str(uuid.uuid4())
        client("stepfunctions").start_execution(
            stateMachineArn=self.state_machine_arn, name=name, input=json.dumps({"inspection_id": name})
        )
        return name


def create_baseline() -> EmulatorBaseline:
    """Create the function, the queue and the state machine."""
    functions, queue_url = client("lambda"), client("sqs").create_queue(QueueName=NAME)["QueueUrl"]
    function = functions.create_function(
        FunctionName=NAME,
        Runtime=RUNTIME,
        Role=ROLE,
        Handler="echo.handler",
        Code={"ZipFile": _build_package()},
        Timeout=60,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=NAME)
    definition = json.dumps(_definition(function["FunctionArn"], queue_url))
    machine = client("stepfunctions").create_state_machine(name=NAME, definition=definition, roleArn=ROLE)
    return EmulatorBaseline(machine["stateMachineArn"], queue_url)


def _build_package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("echo.py", _SOURCE)
    return buffer.getvalue()


def _definition(function_arn: str, queue_url: str) -> dict[str, Any]:
    states: dict[str, Any] = {
        f"Call {number}": {
            "Type": "Task",
            "Resource": function_arn,
            "Retry": RETRY,
            "Next": f"Call {number + 1}" if number < CALLS else "Send message",
        }
        for number in range(1, CALLS + 1)
    }
    states["Send message"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue_url, "MessageBody": {"inspection_id.$": "$.inspection_id"}},
        "End": True,
    }
    return {"StartAt": "Call 1", "States": states}
