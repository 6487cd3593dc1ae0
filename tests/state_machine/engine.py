"""The engine that runs the definition: moto's interpreter, with a stub for Lambda and SQS.

moto interprets the state machine, with a cached definition as in the local environment, and calls Lambda and
SQS at `http://localhost:$MOTO_PORT`. `ServiceStub` listens there and passes each call to the backend of the
function or queue.
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
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from local.step_functions import cache_parsed_definitions, stop_waiting_executions
from workflow import state_machine_definition

REGION, ACCOUNT = "eu-central-1", "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/engine"


class Throttled(Exception):
    """A throttled call: Lambda answers it with 429."""


class ServiceBackend(Protocol):
    """The functions and the queue of one state machine."""

    log: Any

    def invoke(self, module: str, event: Any) -> Any:
        """Run one function. Lambda reports the error that it raises."""

    def receive(self, body: str) -> None:
        """Receive one message to the verdict queue."""


class ServiceStub(ThreadingHTTPServer):
    """Lambda's Invoke and SQS's SendMessage, for every state machine of the engine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RequestHandler)
        self.backends: dict[str, ServiceBackend] = {}


class _RequestHandler(BaseHTTPRequestHandler):
    server: ServiceStub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        parts = unquote(self.path).split("/")
        if parts[1:3] == ["2015-03-31", "functions"] and parts[4:] == ["invocations"]:
            self._invoke(parts[3].rsplit(":", 1)[-1], body)
        elif self.headers.get("X-Amz-Target") == "AmazonSQS.SendMessage":
            self._send_message(json.loads(body))
        else:
            self._respond(404, {"message": f"no stub for {self.path}"})

    def _invoke(self, function: str, body: bytes) -> None:
        module, _, backend_id = function.partition("-")
        backend = self.server.backends[backend_id]
        try:
            result = backend.invoke(module, json.loads(body))
        except Throttled:
            error_body = {"Reason": "CallerRateLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
            self._respond(429, error_body, {"X-Amzn-ErrorType": "TooManyRequestsException"})
        except Exception as error:
            backend.log.write(traceback.format_exc())
            report = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}
            self._respond(200, report, {"X-Amz-Function-Error": "Unhandled"})
        else:
            self._respond(200, result)

    def _send_message(self, call: dict[str, Any]) -> None:
        body = call["MessageBody"]
        try:
            self.server.backends[call["QueueUrl"].rsplit("-", 1)[-1]].receive(body)
        except Exception as error:
            error_body = {"__type": "com.amazonaws.sqs#ServiceUnavailable", "message": repr(error)}
            self._respond(503, error_body)
        else:
            digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
            self._respond(200, {"MessageId": digest, "MD5OfMessageBody": digest})

    def _respond(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        default_headers = {"Content-Type": "application/json", "x-amzn-RequestId": "an-id"}
        for name, value in {**default_headers, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


class Engine:
    """Step Functions, in which every state machine runs the product's definition on its own backend."""

    def __init__(self, endpoint: str, stub: ServiceStub) -> None:
        self.stepfunctions = boto3.client(
            "stepfunctions",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=Config(max_pool_connections=64),
        )
        self._stub = stub
        self._numbers = itertools.count(1)

    def create_state_machine(self, backend: ServiceBackend) -> str:
        """Create a state machine whose functions and queue belong to `backend`, and return its ARN."""
        backend_id = str(next(self._numbers))
        self._stub.backends[backend_id] = backend
        created = self.stepfunctions.create_state_machine(
            name=f"inspect-{backend_id}",
            definition=with_short_retry_delays(
                state_machine_definition.render(placeholder_values(backend_id))
            ),
            roleArn=ROLE,
        )
        return str(created["stateMachineArn"])


def placeholder_values(backend_id: str) -> dict[str, str]:
    """Return the placeholder values: functions and a queue whose names end with the backend's id."""
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
    return {
        "ClaimUploadFunction": f"{function}claim_upload-{backend_id}",
        "DetectLabelsFunction": f"{function}detect_labels-{backend_id}",
        "WaitForModelFunction": f"{function}wait_for_model-{backend_id}",
        "MoveImageFunction": f"{function}move_image-{backend_id}",
        "AskReviewerFunction": f"{function}ask_reviewer-{backend_id}",
        "EscalateReviewFunction": f"{function}escalate_review-{backend_id}",
        "CloseInspectionFunction": f"{function}close_inspection-{backend_id}",
        "VerdictQueueUrl": f"http://localhost/{ACCOUNT}/verdicts-{backend_id}",
    }


def with_short_retry_delays(rendered: str) -> str:
    """Return the definition with retry delays of at most one second, and no other change."""
    document = json.loads(rendered)
    for state in document["States"].values():
        for retrier in state.get("Retry", ()):
            retrier.update(IntervalSeconds=1, MaxDelaySeconds=1)
    return json.dumps(document)


@contextmanager
def start_engine() -> Iterator[Engine]:
    """Run the engine on free ports for the duration of a block."""
    stub = ServiceStub()
    stub_thread = Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_PORT", str(stub.server_address[1]))
        patch.setattr(AmazonStateLanguageParser, "parse", AmazonStateLanguageParser.parse)
        patch.setattr(Environment, "set_stop", Environment.set_stop)
        patch.setattr(ExecutionState, "_evaluate_with_timeout", ExecutionState._evaluate_with_timeout)
        cache_parsed_definitions()
        stop_waiting_executions()
        stub_thread.start()
        moto.start()
        endpoint = "http://{}:{}".format(*moto.get_host_and_port())
        try:
            _enable_execution(endpoint)
            _warm_up()
            yield Engine(endpoint, stub)
        finally:
            moto.stop()
            stub.shutdown()
            stub.server_close()
            stub_thread.join()


def _enable_execution(endpoint: str) -> None:
    connection = HTTPConnection(endpoint.removeprefix("http://"))
    config = json.dumps({"stepfunctions": {"execute_state_machine": True}})
    connection.request("POST", "/moto-api/config", config, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()


def _warm_up() -> None:
    """Create the first clients one after another: boto3 cannot create its first ones in parallel."""
    for service in ("lambda", "sqs"):
        boto3.client(service, region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")
