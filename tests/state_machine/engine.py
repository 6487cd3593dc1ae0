"""The engine that runs the definition: moto's interpreter, and a door where Lambda and SQS would be.

moto interprets the state machine, as a kept program like in the local line, and calls Lambda and SQS at
`http://localhost:$MOTO_PORT`. Behind that port stands `Door`, which answers by calling the floor that the
function or queue belongs to.
"""

import hashlib
import itertools
import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Protocol
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from local.step_functions import keep_programs
from workflow import definition

REGION, ACCOUNT = "eu-central-1", "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/engine"


class Throttled(Exception):
    """The service has no room for this call: Lambda answers it with 429."""


class Behind(Protocol):
    """What stands behind the door for one state machine."""

    log: Any

    def invoke(self, module: str, event: Any) -> Any:
        """Run one function; what it raises is what Lambda reports."""

    def receive(self, body: str) -> None:
        """Take one message to the verdict queue."""


class Door(ThreadingHTTPServer):
    """Lambda's Invoke and SQS's SendMessage, for every state machine of the engine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.behind: dict[str, Behind] = {}


class _Request(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = unquote(self.path).split("/")
        if parts[1:3] == ["2015-03-31", "functions"] and parts[4:] == ["invocations"]:
            self._invoke(parts[3].rsplit(":", 1)[-1], body)
        elif self.headers.get("X-Amz-Target") == "AmazonSQS.SendMessage":
            self._send_message(json.loads(body))
        else:
            self._answer(404, {"message": f"nothing stands behind {self.path}"})

    def _invoke(self, function: str, body: bytes) -> None:
        module, _, floor = function.partition("-")
        behind = self.server.behind[floor]
        try:
            answer = behind.invoke(module, json.loads(body))
        except Throttled:
            refusal = {"Reason": "CallerRateLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
            self._answer(429, refusal, {"X-Amzn-ErrorType": "TooManyRequestsException"})
        except Exception as error:
            behind.log.write(traceback.format_exc())
            report = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            self._answer(200, report, {"X-Amz-Function-Error": "Unhandled"})
        else:
            self._answer(200, answer)

    def _send_message(self, call: dict[str, Any]) -> None:
        body = call["MessageBody"]
        try:
            self.server.behind[call["QueueUrl"].rsplit("-", 1)[-1]].receive(body)
        except Exception as error:
            refusal = {"__type": "com.amazonaws.sqs#ServiceUnavailable", "message": repr(error)}
            self._answer(503, refusal)
        else:
            digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
            self._answer(200, {"MessageId": digest, "MD5OfMessageBody": digest})

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        usual = {"Content-Type": "application/json", "x-amzn-RequestId": "an-id"}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Engine:
    """Step Functions; every state machine in it runs the product's definition before a floor of its own."""

    def __init__(self, endpoint: str, door: Door) -> None:
        self.stepfunctions = boto3.client(
            "stepfunctions",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(max_pool_connections=64),
        )
        self._door = door
        self._numbers = itertools.count(1)

    def install(self, behind: Behind) -> str:
        """Create a state machine whose functions and queue belong to `behind`; return its ARN."""
        floor = str(next(self._numbers))
        self._door.behind[floor] = behind
        created = self.stepfunctions.create_state_machine(
            name=f"inspect-{floor}", definition=hurried(definition.render(values(floor))), roleArn=ROLE
        )
        return str(created["stateMachineArn"])


def values(floor: str) -> dict[str, str]:
    """What fills the definition's placeholders: functions and a queue that the door tells apart by floor."""
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    return {
        "ClaimUploadFunction": f"{function}claim_upload-{floor}",
        "DetectLabelsFunction": f"{function}detect_labels-{floor}",
        "MoveImageFunction": f"{function}move_image-{floor}",
        "AskReviewerFunction": f"{function}ask_reviewer-{floor}",
        "EscalateReviewFunction": f"{function}escalate_review-{floor}",
        "CloseInspectionFunction": f"{function}close_inspection-{floor}",
        "VerdictQueueUrl": f"http://localhost/{ACCOUNT}/verdicts-{floor}",
    }


def hurried(rendered: str) -> str:
    """The definition with every retry waiting at most a second, and not changed in anything else."""
    document = json.loads(rendered)
    for state in document["States"].values():
        for retrier in state.get("Retry", ()):
            retrier["MaxDelaySeconds"] = 1
    return json.dumps(document)


@contextmanager
def running() -> Iterator[Engine]:
    """The engine on free ports of this machine, until the block ends."""
    door = Door()
    listening = Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_PORT", str(door.server_address[1]))
        patch.setattr(AmazonStateLanguageParser, "parse", AmazonStateLanguageParser.parse)
        keep_programs()
        listening.start()
        moto.start()
        endpoint = "http://{}:{}".format(*moto.get_host_and_port())
        try:
            _execute_for_real(endpoint)
            _warm_up()
            yield Engine(endpoint, door)
        finally:
            moto.stop()
            door.shutdown()
            door.server_close()
            listening.join()


def _execute_for_real(endpoint: str) -> None:
    host = HTTPConnection(endpoint.removeprefix("http://"))
    order = json.dumps({"stepfunctions": {"execute_state_machine": True}})
    host.request("POST", "/moto-api/config", order, {"Content-Type": "application/json"})
    assert host.getresponse().status == 201
    host.close()


def _warm_up() -> None:
    """Make the first clients one after the other: boto3's first ones are not safe to make in parallel."""
    for service in ("lambda", "sqs"):
        boto3.client(service, region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
