"""What the two emulators reach without the product: the same work that they were chosen by.

An execution of three calls of a function that returns what it was given, and a message at the end: no photo,
no ledger, no model. Nothing that runs on them is faster, so this bounds the line on the same machine.
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
RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 6, "JitterStrategy": "FULL"}]  # As the line's.
_SOURCE = "def handler(event, context):\n    return event\n"


@dataclass(frozen=True, slots=True)
class Emulated:
    """A state machine that does nothing but its steps, and the queue that its messages come to."""

    state_machine_arn: str
    queue_url: str

    def start(self) -> str:
        """Start an execution; returns the word that its message will carry as `inspection_id`."""
        name = str(uuid.uuid4())
        client("stepfunctions").start_execution(
            stateMachineArn=self.state_machine_arn, name=name, input=json.dumps({"inspection_id": name})
        )
        return name


def emulated() -> Emulated:
    """Make the function, the queue and the state machine."""
    functions, queue = client("lambda"), client("sqs").create_queue(QueueName=NAME)["QueueUrl"]
    made = functions.create_function(
        FunctionName=NAME,
        Runtime=RUNTIME,
        Role=ROLE,
        Handler="echo.handler",
        Code={"ZipFile": _package()},
        Timeout=60,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=NAME)
    text = json.dumps(_definition(made["FunctionArn"], queue))
    machine = client("stepfunctions").create_state_machine(name=NAME, definition=text, roleArn=ROLE)
    return Emulated(machine["stateMachineArn"], queue)


def _package() -> bytes:
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
            "Next": f"Call {number + 1}" if number < CALLS else "Tell",
        }
        for number in range(1, CALLS + 1)
    }
    states["Tell"] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue_url, "MessageBody": {"inspection_id.$": "$.inspection_id"}},
        "End": True,
    }
    return {"StartAt": "Call 1", "States": states}
