"""The real state machine and functions on in-memory services, with faults on demand."""

import hashlib
import importlib
import inspect
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

from lambdas import observability
from tests import crafted, fakes
from tests.camera_photos import in_memory_cameras
from tests.model_world import (
    InMemoryCapacityStore,
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
    arn_of,
)
from tests.state_machine.engine import Engine, Throttled
from workflow import timestamps
from workflow.aws.executions import StepFunctionsExecutions
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.models.capacity_manager import CapacityPorts
from workflow.models.model import ModelStatus
from workflow.pipeline import executions
from workflow.pipeline.detection import ImageRefused, ModelAnswer, ModelNotReady
from workflow.recovery import consistency
from workflow.recovery.reconcile import Reconciler
from workflow.review import decisions

TIMEOUT_SECONDS = 120  # A test takes seconds, but other tests may keep the machine busy.
INBOUND, FILED = "inbound-bucket", "filed-bucket"
PHOTO = crafted.png(96, 80)
ENVIRONMENT_VARIABLES = {
    "FILED_BUCKET": FILED,
    "INBOUND_BUCKET": INBOUND,
    "HISTORY_BUCKET": "history",
    "MAX_IN_FLIGHT": "1000",
}
EMF = "aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch"  # prints the metrics
LABELS = {"good": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.9)}
Answer = ModelAnswer | ModelNotReady | ImageRefused

# Lambda runs one call at a time in each of its processes. All functions share this process.
_invocation_lock = Lock()


def model_answer(**confidences: float) -> ModelAnswer:
    """Return the model's answer with a confidence (0 to 1) for each label."""
    return ModelAnswer(tuple(Score(label, value) for label, value in confidences.items()), "arn:model/1")


CLEAR_OK, CLEAR_DEFECT = model_answer(good=0.95, crack=0.05), model_answer(good=0.02, crack=0.98)
UNCLEAR = model_answer(good=0.55, crack=0.45)


PARK = ["Detect labels", "Did the model answer?", "Wait for the model"]


class Fault(Enum):
    """A fault in the call of a state."""

    THROTTLED = "throttled"
    CRASHED = "crashed before its work"
    RESPONSE_LOST = "crashed after its work, before its response"


class Crash(RuntimeError):
    """The error of a crashed function."""


class RecordingTaskTokenStore(fakes.InMemoryTaskTokenStore):
    """A task token store that also records every token it ever held."""

    def __init__(self) -> None:
        super().__init__()
        self.issued: list[str] = []

    def put(self, inspection_id: str, token: str, attempt: int) -> None:
        super().put(inspection_id, token, attempt)
        if token not in self.issued:
            self.issued.append(token)


class InMemoryEnvironment:
    """One environment in memory, with methods that act as its uploader, reviewer and scheduler."""

    def __init__(
        self,
        engine: Engine,
        *answers: Answer,
        review: int = 3600,
        model_wait: int = 3600,
        stopped_first: bool = False,
    ) -> None:
        self.policy = RoutingPolicy(
            version="7", labels=LABELS, review_seconds=review, model_wait_seconds=model_wait
        )
        self.inspections, self.objects = fakes.InMemoryInspectionRepository(), fakes.InMemoryObjectStore()
        self.references = fakes.InMemoryReferenceRepository()
        self.cameras = in_memory_cameras()
        self.task_tokens, self.wake_tokens = RecordingTaskTokenStore(), RecordingTaskTokenStore()
        self.detector = fakes.FakeDetector(*(answers or [CLEAR_OK]))
        self.detector.stopped = self.stopped_first = stopped_first
        self.control_plane = InMemoryControlPlane(autumn=ModelStatus.RUNNING)
        self.capacity_store, self.settings = InMemoryCapacityStore(), InMemoryModelSettings(arn_of("autumn"))
        self.capacity_ports = CapacityPorts(self.control_plane, self.capacity_store, InMemoryEventLog())
        self.decisions, self.escalations = fakes.InMemoryMessageQueue(), fakes.InMemoryMessageQueue()
        self.check_progress = fakes.InMemoryCheckProgressStore()
        self.announcements: list[str] = []
        self.log = io.StringIO()
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.deliveries_dropped = False
        self.delivered: list[str] = []
        self._engine, self._state_machine_arn = engine, engine.create_state_machine(self)
        self.executions = StepFunctionsExecutions(self._state_machine_arn, engine.stepfunctions)
        self.tasks = self.executions
        self._requests = itertools.count(1)

    # Actions of the uploader, the reviewer and the scheduler.

    def upload(self, content: bytes = PHOTO, key: str = "line-1/part.jpg") -> Image:
        """Put a photo into the inbound bucket, dated two minutes ago, without its event."""
        return self.objects.upload(INBOUND, key, content, timestamps.add_seconds(timestamps.now(), -120))

    def send_upload_event(self, image: Image) -> str:
        """Deliver the event of an upload, and return the name of the execution that inspects it."""
        detail = {
            "bucket": {"name": image.bucket},
            "object": {"key": image.key, "version-id": image.version_id},
        }
        self._process_message("start_inspection", {"time": self.objects.uploaded_at[image], "detail": detail})
        return executions.execution_name(inspection_id(image), 1)

    def inspect(self, content: bytes = PHOTO, key: str = "line-1/part.jpg") -> str:
        """Upload a photo, wait until its execution ends or waits for a reviewer, and return the execution."""
        name = self.send_upload_event(self.upload(content, key))
        self.run_until_idle(name)
        return name

    def decide(self, verdict: Verdict, name: str) -> None:
        """Record a reviewer's decision, and wait until the execution is idle."""
        decisions.decide(
            self.inspections,
            self.decisions,
            self.row(name).id,
            verdict=verdict,
            reviewer="Ada",
            reason="a scratch",
        )
        self.run_until_idle(name)

    def reconcile(self) -> dict[str, int]:
        """Run the scheduled reconciliation, and return the repairs by kind."""
        return dict(self._call("reconcile", {}))

    def wake_parked(self) -> None:
        """Let the model run, and run the scheduled capacity manager."""
        self.detector.stopped = False
        self._call("manage_model_capacity", {})

    def start_next_attempt(self, name: str) -> str:
        """Restart the inspection of a running execution as if it were lost, and return the next execution."""
        adapters = {"inspections": self.inspections, "objects": self.objects, "executions": self.executions}
        assert Reconciler(**adapters, delivery_queue=self.decisions).restart(self.row(name))
        return self.row(name).owner

    # Observations.

    def row(self, name: str) -> Inspection:
        """Return the row that an execution inspects."""
        return self.inspections.rows[name.rsplit("-", 1)[0]]

    def visited_states(self, name: str) -> list[str]:
        """Return the states that an execution entered, in order, from its history.

        If the model is stopped at first, this leaves out that the execution was parked once and woken.
        """
        details = (event.get("stateEnteredEventDetails") for event in self.executions.get_history(name))
        states = [detail["name"] for detail in details if detail]
        if self.stopped_first and PARK[-1] in states[:-1]:
            first = states.index(PARK[0])
            assert states[first : first + len(PARK)] == PARK
            del states[first : first + len(PARK)]
        return states

    def output_of(self, name: str) -> dict[str, Any]:
        """Return the output of a successful execution."""
        description = self.executions.describe(name)
        assert description is not None
        status = [description.get(part) for part in ("status", "error", "cause")]
        assert status == ["SUCCEEDED", None, None], self.log.getvalue()
        return dict(json.loads(description["output"]))

    def object_paths(self) -> list[str]:
        """Return bucket/key of every object."""
        return [f"{image.bucket}/{image.key}" for image in self.objects.contents]

    def check_consistency(self) -> consistency.ConsistencyReport:
        """Return the consistency report of inspections, buckets and executions."""
        return consistency.check(self.inspections, self.objects, self.executions, INBOUND, FILED)

    def assert_filed(self, name: str, verdict: Verdict) -> None:
        """Assert that the photo is filed by its verdict only, announced and closed, and all is consistent."""
        row = self.row(name)
        path = f"{FILED}/{verdict}/{row.id[:16]}/{row.image.name}"
        assert self.object_paths() == [path]
        assert hashlib.sha256(self.objects.contents[row.location]).hexdigest() == row.sha256
        assert set(self.announcements) == {row.announcement}
        assert json.loads(row.announcement)["verdict"] == row.verdict == verdict
        assert (row.state, row.settled) == (InspectionState.CLOSED, True)
        assert self.check_consistency().is_clean

    def assert_no_token_leaks(self) -> None:
        """Assert that no task token is visible outside the task token store."""
        texts = [
            self.log.getvalue(),
            repr(self.inspections.rows),
            repr(self.inspections.entries),
            *self.announcements,
        ]
        texts += [*self.decisions.sent, *self.delivered, *self.escalations.sent]
        for name in self.execution_names():
            description = self.executions.describe(name) or {}
            texts += [str(description.get(part)) for part in ("input", "output", "error", "cause")]
        for token in (*self.task_tokens.issued, *self.wake_tokens.issued):
            assert not [text for text in texts if token in text]

    def execution_names(self) -> list[str]:
        """Return the names of all executions."""
        pages = self._engine.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=self._state_machine_arn
        )
        return [execution["name"] for page in pages for execution in page["executions"]]

    def run_until_idle(self, name: str) -> str:
        """Wait until an execution ends or waits for a reviewer or the model, and return its status."""

        def is_idle() -> bool:
            is_parked = not self.stopped_first and bool(self.parked_photos())
            return not self.is_running(name) or self.is_waiting(name) or is_parked

        self.wait_until(is_idle)
        return self.executions.get_status(name) or ""

    def is_running(self, name: str) -> bool:
        """Return whether an execution has not ended."""
        return self.executions.get_status(name) == "RUNNING"

    def is_waiting(self, name: str, round_: int = 0) -> bool:
        """Return whether this execution waits for a reviewer's decision (in this round of the review)."""
        row = self.inspections.get(name.rsplit("-", 1)[0])
        if (
            row is None
            or row.owner != name
            or row.state is not InspectionState.WAITING
            or row.decision is not None
        ):
            return False
        if round_ and (row.review is None or not row.review.round == round_ == len(self.task_tokens.issued)):
            return False
        return row.id in self.task_tokens.tokens

    def parked_photos(self) -> list[Inspection]:
        """Return the photos that wait for the model with a token."""
        parked = self.inspections.list_by_state(InspectionState.PARKED)
        return [row for row in parked if row.id in self.wake_tokens.tokens]

    def is_escalated(self, name: str) -> bool:
        """Return whether the review is escalated."""
        review = self.row(name).review
        return review is not None and review.escalated

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Deliver decisions until a condition holds."""
        end, pause = time.monotonic() + TIMEOUT_SECONDS, 0.03
        while True:
            self.deliver_decisions()
            if self.stopped_first and self.parked_photos():
                self.wake_parked()
            elif condition():
                return
            assert time.monotonic() < end, f"timed out:\n{self.log.getvalue()}"
            time.sleep(pause)
            pause = min(pause * 1.3, 0.25)

    # Calls of the engine and the queues.

    def invoke(self, module: str, event: Any) -> Any:
        """Invoke a function as Lambda does: one call at a time, JSON in and out."""
        faults = self.faults[_state_of_call(module, event)]
        fault = faults.popleft() if faults else None
        if fault is Fault.THROTTLED:
            raise Throttled
        if fault is Fault.CRASHED:
            raise Crash(fault.value)
        answer = self._call(module, event)
        if fault is Fault.RESPONSE_LOST:
            raise Crash(fault.value)
        return answer

    def receive(self, body: str) -> None:
        """Take an announcement from the state `Announce verdict`."""
        faults = self.faults["Announce verdict"]
        fault = faults.popleft() if faults else None
        if fault in (None, Fault.RESPONSE_LOST):
            self.announcements.append(body)
        if fault:
            raise Crash(fault.value)

    def deliver_decisions(self) -> None:
        """Pass the messages of the decision queue to their function, unless deliveries are dropped."""
        while self.decisions.sent and not self.deliveries_dropped:
            self.delivered.append(self.decisions.sent.pop(0))
            self._process_message("deliver_decision", json.loads(self.delivered[-1]))

    def _process_message(self, module: str, body: dict[str, Any]) -> None:
        message = f"m{next(self._requests)}"
        record = {"messageId": message, "body": json.dumps(body), "eventSource": "aws:sqs"}
        answer = self._call(module, {"Records": [record]})
        assert answer == {"batchItemFailures": []}, answer

    def _call(self, module: str, event: Any) -> Any:
        handler = importlib.import_module(f"lambdas.{module}").handler
        parameters = inspect.signature(handler).parameters
        adapters = {name: getattr(self, name) for name in parameters if hasattr(self, name)}
        context = SimpleNamespace(
            function_name=module,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:{module}",
            aws_request_id=f"r{next(self._requests)}",
            get_remaining_time_in_millis=lambda: 60_000,
        )
        output: Any = observability.logger.registered_handler
        with (
            _invocation_lock,
            patch.object(observability.metrics.provider, "namespace", "tests"),
            patch(f"{EMF}.print", partial(print, file=self.log), create=True),
        ):
            original = output.setStream(self.log)
            try:
                return json.loads(json.dumps(handler(event, context, **adapters)))
            finally:
                output.setStream(original)


def _state_of_call(module: str, event: dict[str, Any]) -> str:
    """Return the state that calls a function. It has the function's name, except the `Move to` states."""
    if module == "move_image":
        verdict = event["verdict"]
        return "Move to reviewed verdict" if verdict == "reviewed" else f"Move to {verdict}"
    articles = {"ask_reviewer": "Ask a reviewer", "wait_for_model": "Wait for the model"}
    return articles.get(module, module.replace("_", " ").capitalize())
