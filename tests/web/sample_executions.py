"""Sample inspections with execution histories: a failure, a long review, a running execution."""

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from PIL import Image as PillowImage

from tests.recorder import AWS_TOKEN, T0, Recorder
from tests.references import usual_measures
from tests.unit.pipeline import MODEL
from tests.web.world import World
from workflow import state_machine_definition, timestamps
from workflow.history.archive import ExecutionRecord, redact_events
from workflow.history.metrics import FailedExecution
from workflow.inspections.inspection import Decision, Inspection, InspectionState, Review
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.executions import execution_name

DEFINITION = json.loads(state_machine_definition.read_definition())
WEEK = 7 * 86400.0
UNUSUAL = (
    "darker than every learned photo (mean 3; learned 92 to 140)",
    "further from the learned photos than any of them (distance 12.1; limit 3.5)",
)


class RecordedExecution(Recorder):
    """A recorder with realistic times between events."""

    def __init__(self) -> None:
        super().__init__()
        self.at = T0
        self("ExecutionStarted", 0, input="{}", roleArn="role")

    def __call__(self, kind: str, previous: int | None = None, /, **details: Any) -> int:
        number = super().__call__(kind, previous, **details)
        self.at += timedelta(milliseconds=25)
        self.events[-1]["timestamp"] = self.at
        return number

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def task(self, name: str, seconds: float = 0.02, failures: int = 0, done: bool = True) -> None:
        entered = self.enter("Task", name, document={"inspection_id": "i"})
        for number in range(failures + done):
            self("LambdaFunctionScheduled", resource=f"arn:{name}", input="{}")
            self("LambdaFunctionStarted")
            self.wait(seconds)
            if number < failures:
                self("LambdaFunctionFailed", error="ThrottlingException", cause="Rate exceeded")
                self.wait(2.0**number)
            else:
                self("LambdaFunctionSucceeded", output='{"outcome": "readable"}')
        if done:
            self.leave("Task", name, document={"inspection_id": "i", "step": entered})

    def pass_through(self, kind: str, name: str) -> None:
        self.enter(kind, name)
        self.leave(kind, name)

    def ask_reviewer(self, seconds: float, answered: bool) -> None:
        self.enter("Task", "Ask a reviewer")
        parameters = json.dumps({"Payload": {"token": AWS_TOKEN}})
        self(
            "TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=parameters
        )
        self("TaskStarted", resourceType="lambda", resource="invoke.waitForTaskToken")
        self("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken", output="{}")
        self.wait(seconds)
        if answered:
            self(
                "TaskSucceeded",
                resourceType="lambda",
                resource="invoke.waitForTaskToken",
                output='{"verdict": "ok"}',
            )
        else:
            self(
                "TaskTimedOut",
                resourceType="lambda",
                resource="invoke.waitForTaskToken",
                error="States.Timeout",
            )
        self.leave("Task", "Ask a reviewer")

    def detect(self) -> None:
        self.task("Claim upload")
        self.pass_through("Choice", "Is the upload readable?")
        self.task("Detect labels", 0.3, failures=3)
        self.pass_through("Choice", "Did the model answer?")
        self.pass_through("Choice", "Is the prediction clear?")

    def record(self, name: str, status: str, error: str = "", cause: str = "") -> ExecutionRecord:
        stopped = "" if status == "RUNNING" else timestamps.format_timestamp(self.at)
        return ExecutionRecord(
            execution=name,
            status=status,
            started_at=timestamps.format_timestamp(T0),
            stopped_at=stopped,
            error=error,
            cause=cause,
            read_at=timestamps.format_timestamp(self.at),
            definition=DEFINITION,
            events=redact_events(self.events),
        )


def reviewed_record(name: str) -> ExecutionRecord:
    """Record three retries, a week without an answer, an escalation, a failure, a redrive and an answer."""
    execution = RecordedExecution()
    execution.detect()
    execution.task("Move to unclear")
    execution.ask_reviewer(WEEK, answered=False)
    execution.task("Escalate review")
    execution.pass_through("Choice", "Does a decision stand?")
    execution.ask_reviewer(412.6, answered=True)
    execution.enter("Task", "Move to reviewed verdict", document={"inspection_id": "i"})
    execution("LambdaFunctionScheduled", resource="arn:move", input="{}")
    last = execution("LambdaFunctionFailed", error="Lambda.Unknown", cause="the function died")
    execution("ExecutionFailed", error="Lambda.Unknown", cause="the function died")
    execution.wait(3600)
    execution("ExecutionRedriven", redriveCount=1)
    execution("LambdaFunctionScheduled", last, resource="arn:move", input="{}")
    execution("LambdaFunctionStarted")
    execution("LambdaFunctionSucceeded", output="{}")
    execution.leave("Task", "Move to reviewed verdict")
    execution.task("Announce verdict")
    execution.task("Close inspection")
    execution("ExecutionSucceeded", output="{}")
    return execution.record(name, "SUCCEEDED")


def failed_record(name: str) -> ExecutionRecord:
    execution = RecordedExecution()
    execution.task("Claim upload")
    execution.pass_through("Choice", "Is the upload readable?")
    execution.task("Detect labels", 0.2, failures=3, done=False)
    execution("ExecutionFailed", error="ThrottlingException", cause="Rate exceeded")
    return execution.record(name, "FAILED", "ThrottlingException", "Rate exceeded")


def waiting_record(name: str) -> ExecutionRecord:
    execution = RecordedExecution()
    execution.detect()
    execution.task("Move to unclear")
    execution.enter("Task", "Ask a reviewer")
    parameters = json.dumps({"Payload": {"token": AWS_TOKEN}})
    execution(
        "TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=parameters
    )
    execution("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken", output="{}")
    return execution.record(name, "RUNNING")


def photo(shade: int) -> bytes:
    buffer = io.BytesIO()
    gradient = PillowImage.radial_gradient("L").resize((320, 320))
    gradient.point(lambda value: (value + shade) % 256).save(buffer, "JPEG")
    return buffer.getvalue()


def add_samples(world: World) -> dict[str, Inspection]:
    """Add four inspections: reviewed, failed, waiting, and a plain one with the name of the first."""
    rows = {
        "reviewed": _row(world, "line 1/cast_def_0_1031.jpeg", 1, InspectionState.CLOSED, Verdict.DEFECT),
        "failed": _row(world, "line 1/cast_ok_0042.jpeg", 2, InspectionState.INSPECTING, None),
        "waiting": _row(world, "line 2/cast_ok_2204.jpeg", 3, InspectionState.WAITING, Verdict.UNCLEAR),
        "plain": _row(world, "line 2/cast_def_0_1031.jpeg", 4, InspectionState.CLOSED, Verdict.OK),
    }
    decision = Decision(
        id="d1",
        verdict=Verdict.DEFECT,
        reviewer="ann",
        decided_at=rows["reviewed"].claimed_at,
        reason="a crack at the rim",
    )
    rows["reviewed"] = replace(
        rows["reviewed"],
        decision=decision,
        review=Review(opened_at=timestamps.format_timestamp(T0), round=2, deadline="", escalated=True),
    )
    rows["waiting"] = replace(
        rows["waiting"], review=Review(opened_at=timestamps.format_timestamp(T0), round=1, deadline="")
    )
    rows["waiting"] = stop_by_guard(rows["waiting"])
    world.pipeline.inspections.rows.update({row.id: row for row in rows.values()})
    world.archive.save(reviewed_record(rows["reviewed"].owner))
    world.archive.save(failed_record(rows["failed"].owner))
    world.history_source.records[rows["waiting"].owner] = waiting_record(rows["waiting"].owner)
    row = rows["failed"]
    world.metrics.add_failure(
        FailedExecution(
            execution=row.owner,
            at=timestamps.now(),
            status="FAILED",
            state="Detect labels",
            error="ThrottlingException",
            cause="Rate exceeded",
        )
    )
    return rows


def stop_by_guard(row: Inspection) -> Inspection:
    """Return the same inspection of a dark photo that the photo guard stopped, with its measures."""
    assert row.prediction is not None
    prediction = replace(
        row.prediction,
        verdict=Verdict.UNCLEAR,
        confidence=0.998,
        note=f"the photo is unusual: {'; '.join(UNUSUAL)}",
        unusual=UNUSUAL,
        reference="2026-11-30T08:00:00.000Z",
    )
    return replace(row, prediction=prediction, measures=usual_measures(brightness=3.0, descriptor=()))


def add_inspection(world: World, key: str, number: int) -> Inspection:
    """Add an inspection that the model settled, without a history."""
    row = _row(world, key, number, InspectionState.CLOSED, Verdict.OK)
    world.pipeline.inspections.rows[row.id] = row
    return row


def _row(world: World, key: str, number: int, state: InspectionState, verdict: Verdict | None) -> Inspection:
    image: Image = world.pipeline.objects.upload("inbound", key, photo(40 * number))
    at = timestamps.format_timestamp(
        datetime.fromisoformat(timestamps.now()) - timedelta(minutes=10 * number)
    )
    scores = (Score("def_front", 0.613), Score("ok_front", 0.387))
    prediction = (
        Prediction(
            verdict=Verdict.DEFECT,
            label="def_front",
            confidence=0.613,
            threshold=0.8,
            scores=scores,
            model=MODEL,
            policy_version="2026-01",
        )
        if verdict
        else None
    )
    row_id = inspection_id(image)
    return Inspection(
        id=row_id,
        image=image,
        owner=execution_name(row_id, 1),
        attempt=1,
        state=state,
        uploaded_at=at,
        claimed_at=at,
        attempted_at=at,
        location=image,
        verdict=verdict,
        prediction=prediction,
        settled_at=timestamps.add_seconds(at, 417.4) if state is InspectionState.CLOSED else "",
        closed_at=timestamps.add_seconds(at, 418) if state is InspectionState.CLOSED else "",
    )
