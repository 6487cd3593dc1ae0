"""A shop floor: the real state machine and functions over in-memory services that can be made to fail."""

import hashlib
import importlib
import io
import itertools
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from threading import Lock
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from lambdas import wiring
from tests import crafted, fakes
from tests.state_machine.engine import Engine, Throttled
from workflow import timestamps
from workflow.aws.executions import StepFunctionsExecutions
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.pipeline import intake
from workflow.pipeline.detection import NotReady, Refused, Scores
from workflow.recovery import consistency
from workflow.recovery.reconcile import Mender
from workflow.review import decisions

PATIENCE = 120  # Alone it takes seconds; the machine may be busy with other tests.
INBOUND, FILED = "inbound-bucket", "filed-bucket"
PHOTO = crafted.png(96, 80)
SETTINGS = {"FILED_BUCKET": FILED, "INBOUND_BUCKET": INBOUND, "MAX_IN_FLIGHT": "1000"}
EMF = "aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch"  # prints what it measured
LABELS = {"good": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.9)}
Answer = Scores | NotReady | Refused

# Lambda runs one call at a time in each of its processes; all functions share this one.
_one_call = Lock()


def seen(**confidences: float) -> Scores:
    """The model's answer: confidences by label."""
    return Scores(tuple(Score(label, value) for label, value in confidences.items()), "arn:model/1")


CLEAR_OK, CLEAR_DEFECT = seen(good=0.95, crack=0.05), seen(good=0.02, crack=0.98)
DOUBTFUL = seen(good=0.55, crack=0.45)


class Fault(Enum):
    """How a call of a state can fail."""

    THROTTLED = "turned away"
    CRASHED = "died before it did anything"
    ANSWER_LOST = "did its work, and died before it answered"


class Crash(RuntimeError):
    """What a function that dies raises."""


class RememberingTokens(fakes.MemoryTokens):
    """The token table, with every token there ever was."""

    def __init__(self) -> None:
        super().__init__()
        self.issued: list[str] = []

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        super().put(inspection_id, token, attempt)
        if token not in self.issued:
            self.issued.append(token)


class Floor:
    """One line: photos go in, verdicts come out, and everything between them can be looked at."""

    def __init__(self, engine: Engine, *answers: Answer, review: int = 3600, model_wait: int = 3600) -> None:
        self.policy = RoutingPolicy("7", LABELS, review_seconds=review, model_wait_seconds=model_wait)
        self.ledger, self.shelf = fakes.MemoryLedger(), fakes.MemoryShelf()
        self.tokens, self.model = RememberingTokens(), fakes.FakeDetector(*(answers or [CLEAR_OK]))
        self.decisions, self.escalations = fakes.MemoryQueue(), fakes.MemoryQueue()
        self.announced: list[str] = []
        self.log = io.StringIO()
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.deliveries_lost = False
        self.delivered: list[str] = []
        self._engine, self._machine = engine, engine.install(self)
        self.executions = StepFunctionsExecutions(self._machine, engine.stepfunctions)
        self._requests = itertools.count(1)

    # What the line, the reviewer and the clock do.

    def upload(self, content: bytes = PHOTO, key: str = "line-1/part.jpg") -> Image:
        """Put a photo into the inbound bucket, two minutes ago; nobody is told yet."""
        return self.shelf.upload(INBOUND, key, content, timestamps.later(timestamps.now(), -120))

    def notify(self, image: Image) -> str:
        """Deliver the event of an upload; return the name of the execution that inspects it."""
        place = {
            "bucket": {"name": image.bucket},
            "object": {"key": image.key, "version-id": image.version_id},
        }
        self._consume("start_inspection", {"time": self.shelf.uploaded_at[image], "detail": place})
        return intake.execution_name(inspection_id(image), 1)

    def inspect(self, content: bytes = PHOTO, key: str = "line-1/part.jpg") -> str:
        """Upload a photo and run it until its execution ended or waits for a person; return the execution."""
        name = self.notify(self.upload(content, key))
        self.rest(name)
        return name

    def decide(self, verdict: Verdict, name: str) -> None:
        """Let a person decide, and run on."""
        decisions.decide(self.ledger, self.decisions, self.row(name).id, verdict, "Ada", "a scratch")
        self.rest(name)

    def reconcile(self) -> dict[str, int]:
        """Do what the clock does every minute; return what was mended."""
        return dict(self._call("reconcile", {}))

    def abandon(self, name: str) -> str:
        """Give the photo of a running execution to a next one, as if the first were lost; return the next."""
        assert Mender(self.ledger, self.shelf, self.executions, self.decisions).restart(self.row(name))
        return self.row(name).owner

    # What can be seen.

    def row(self, name: str) -> Inspection:
        """The ledger's row that an execution is about."""
        return self.ledger.rows[name.rsplit("-", 1)[0]]

    def visited(self, name: str) -> list[str]:
        """The states that an execution entered, in order, as its history tells."""
        details = (event.get("stateEnteredEventDetails") for event in self.executions.history(name))
        return [detail["name"] for detail in details if detail]

    def document(self, name: str) -> dict[str, Any]:
        """What an execution returned."""
        description = self.executions.describe(name)
        assert description is not None
        ending = [description.get(part) for part in ("status", "error", "cause")]
        assert ending == ["SUCCEEDED", None, None], self.log.getvalue()
        return dict(json.loads(description["output"]))

    def places(self) -> list[str]:
        """Where bytes lie: bucket/key of every object."""
        return [f"{image.bucket}/{image.key}" for image in self.shelf.objects]

    def books(self) -> consistency.Report:
        """The balance of the ledger against the buckets and the engine."""
        return consistency.audit(self.ledger, self.shelf, self.executions, INBOUND, FILED)

    def assert_filed(self, name: str, verdict: Verdict) -> None:
        """The photo lies where its verdict says and only there, announced and closed; the books balance."""
        row = self.row(name)
        place = f"{FILED}/{verdict}/{row.id[:16]}/{row.image.name}"
        assert self.places() == [place]
        assert hashlib.sha256(self.shelf.objects[row.location]).hexdigest() == row.sha256
        assert set(self.announced) == {row.announcement}
        assert json.loads(row.announcement)["verdict"] == row.verdict == verdict
        assert (row.state, row.settled) == (State.CLOSED, True)
        assert self.books().clean

    def assert_no_token_shows(self) -> None:
        """No task token is where anybody but its two functions can read it."""
        texts = [self.log.getvalue(), repr(self.ledger.rows), repr(self.ledger.entries), *self.announced]
        texts += [*self.decisions.sent, *self.delivered, *self.escalations.sent]
        for name in self.started():
            description = self.executions.describe(name) or {}
            texts += [str(description.get(part)) for part in ("input", "output", "error", "cause")]
        for token in self.tokens.issued:
            assert not [text for text in texts if token in text]

    def started(self) -> list[str]:
        """The names of all executions there ever were."""
        pages = self._engine.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine
        )
        return [execution["name"] for page in pages for execution in page["executions"]]

    def rest(self, name: str) -> str:
        """Wait until an execution ended or waits for a person; return its status."""
        self.until(lambda: not self.running(name) or self.waits(name))
        return self.executions.status(name) or ""

    def running(self, name: str) -> bool:
        """Whether an execution has not ended."""
        return self.executions.status(name) == "RUNNING"

    def waits(self, name: str, round_: int = 0) -> bool:
        """Whether this execution asked a person who has not decided yet (in a round of the review)."""
        row = self.ledger.get(name.rsplit("-", 1)[0])
        if row is None or row.owner != name or row.state is not State.WAITING or row.decision is not None:
            return False
        if round_ and (row.review is None or not row.review.round == round_ == len(self.tokens.issued)):
            return False
        return row.id in self.tokens.tokens

    def escalated(self, name: str) -> bool:
        """Whether a review was not taken in time."""
        asked = self.row(name).review
        return asked is not None and asked.escalated

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        end, pause = time.monotonic() + PATIENCE, 0.03
        while True:
            self.deliver()
            if condition():
                return
            assert time.monotonic() < end, f"it never came:\n{self.log.getvalue()}"
            time.sleep(pause)
            pause = min(pause * 1.3, 0.25)

    # What the engine and the queues call.

    def invoke(self, module: str, event: Any) -> Any:
        """Run a function as Lambda does: one call at a time, JSON in and out."""
        faults = self.faults[_state(module, event)]
        fault = faults.popleft() if faults else None
        if fault is Fault.THROTTLED:
            raise Throttled
        if fault is Fault.CRASHED:
            raise Crash(fault.value)
        answer = self._call(module, event)
        if fault is Fault.ANSWER_LOST:
            raise Crash(fault.value)
        return answer

    def receive(self, body: str) -> None:
        """Take an announcement from the state `Announce verdict`."""
        faults = self.faults["Announce verdict"]
        fault = faults.popleft() if faults else None
        if fault in (None, Fault.ANSWER_LOST):
            self.announced.append(body)
        if fault:
            raise Crash(fault.value)

    def deliver(self) -> None:
        """Hand the messages of the decision queue to their function, unless they get lost."""
        while self.decisions.sent and not self.deliveries_lost:
            self.delivered.append(self.decisions.sent.pop(0))
            self._consume("deliver_decision", json.loads(self.delivered[-1]))

    def _consume(self, module: str, body: dict[str, Any]) -> None:
        message = f"m{next(self._requests)}"
        record = {"messageId": message, "body": json.dumps(body), "eventSource": "aws:sqs"}
        answer = self._call(module, {"Records": [record]})
        assert answer == {"batchItemFailures": []}, answer

    def _call(self, module: str, event: Any) -> Any:
        handler = importlib.import_module(f"lambdas.{module}").handler
        context = SimpleNamespace(
            function_name=module,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:{module}",
            aws_request_id=f"r{next(self._requests)}",
            get_remaining_time_in_millis=lambda: 60_000,
        )
        output = wiring.logger.registered_handler
        with (
            _one_call,
            patch.object(wiring.metrics.provider, "namespace", "tests"),
            patch(f"{EMF}.print", partial(print, file=self.log), create=True),
        ):
            usual = output.setStream(self.log)
            try:
                return json.loads(json.dumps(handler(event, context, **self._ports(module))))
            finally:
                output.setStream(usual)

    def _ports(self, module: str) -> dict[str, Any]:
        every = {
            "ask_reviewer": {"tokens": self.tokens, "decisions": self.decisions},
            "claim_upload": {"shelf": self.shelf},
            "close_inspection": {},
            "deliver_decision": {
                "tokens": self.tokens,
                "executions": self.executions,
                "decisions": self.decisions,
            },
            "detect_labels": {"shelf": self.shelf, "detector": self.model, "policy": self.policy},
            "escalate_review": {"escalations": self.escalations},
            "move_image": {"shelf": self.shelf},
            "reconcile": {"shelf": self.shelf, "executions": self.executions, "decisions": self.decisions},
            "start_inspection": {"shelf": self.shelf, "executions": self.executions},
        }
        return {"ledger": self.ledger, **every[module]}


def _state(module: str, event: dict[str, Any]) -> str:
    """The state that calls a function: named like it, but for the four moves."""
    if module == "move_image":
        place = event["verdict"]
        return "Move to reviewed verdict" if place == "reviewed" else f"Move to {place}"
    return module.replace("_", " ").capitalize() if module != "ask_reviewer" else "Ask a reviewer"
