"""Inspections whose histories are worth a look: a failure, a long review, one that still runs."""

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from PIL import Image as Picture

from tests.recorder import AWS_TOKEN, T0, Recorder
from tests.unit.line import MODEL
from tests.web.world import World
from workflow import definition, timestamps
from workflow.history.archive import Record, redacted
from workflow.history.metrics import Failure
from workflow.inspections.inspection import Decision, Inspection, Review, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.intake import execution_name

DEFINITION = json.loads(definition.text())
WEEK = 7 * 86400.0


class Story(Recorder):
    """A recorder whose events come as long after each other as is told."""

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

    def passed(self, kind: str, name: str) -> None:
        self.enter(kind, name)
        self.leave(kind, name)

    def ask(self, seconds: float, answered: bool) -> None:
        self.enter("Task", "Ask a reviewer")
        given = json.dumps({"Payload": {"token": AWS_TOKEN}})
        self("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=given)
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

    def judged(self) -> None:
        self.task("Claim upload")
        self.passed("Choice", "Is the upload readable?")
        self.task("Detect labels", 0.3, failures=3)
        self.passed("Choice", "Did the model answer?")
        self.passed("Choice", "Is the prediction clear?")

    def record(self, name: str, status: str, error: str = "", cause: str = "") -> Record:
        stopped = "" if status == "RUNNING" else timestamps.text(self.at)
        return Record(
            name,
            status,
            timestamps.text(T0),
            stopped,
            error,
            cause,
            timestamps.text(self.at),
            DEFINITION,
            redacted(self.events),
        )


def reviewed(name: str) -> Record:
    """Three retries, a week that nobody came in, an escalation, a failure, a redrive, an answer."""
    story = Story()
    story.judged()
    story.task("Move to unclear")
    story.ask(WEEK, answered=False)
    story.task("Escalate review")
    story.passed("Choice", "Does a decision stand?")
    story.ask(412.6, answered=True)
    story.enter("Task", "Move to reviewed verdict", document={"inspection_id": "i"})
    story("LambdaFunctionScheduled", resource="arn:move", input="{}")
    last = story("LambdaFunctionFailed", error="Lambda.Unknown", cause="the function died")
    story("ExecutionFailed", error="Lambda.Unknown", cause="the function died")
    story.wait(3600)
    story("ExecutionRedriven", redriveCount=1)
    story("LambdaFunctionScheduled", last, resource="arn:move", input="{}")
    story("LambdaFunctionStarted")
    story("LambdaFunctionSucceeded", output="{}")
    story.leave("Task", "Move to reviewed verdict")
    story.task("Announce verdict")
    story.task("Close inspection")
    story("ExecutionSucceeded", output="{}")
    return story.record(name, "SUCCEEDED")


def failed(name: str) -> Record:
    story = Story()
    story.task("Claim upload")
    story.passed("Choice", "Is the upload readable?")
    story.task("Detect labels", 0.2, failures=3, done=False)
    story("ExecutionFailed", error="ThrottlingException", cause="Rate exceeded")
    return story.record(name, "FAILED", "ThrottlingException", "Rate exceeded")


def waiting(name: str) -> Record:
    story = Story()
    story.judged()
    story.task("Move to unclear")
    story.enter("Task", "Ask a reviewer")
    given = json.dumps({"Payload": {"token": AWS_TOKEN}})
    story("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters=given)
    story("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken", output="{}")
    return story.record(name, "RUNNING")


def photo(shade: int) -> bytes:
    buffer = io.BytesIO()
    Picture.radial_gradient("L").resize((320, 320)).point(lambda value: (value + shade) % 256).save(
        buffer, "JPEG"
    )
    return buffer.getvalue()


def told(world: World) -> dict[str, Inspection]:
    """Four inspections: reviewed, failed, waiting, and a plain one of the same name as the first."""
    rows = {
        "reviewed": _row(world, "line 1/cast_def_0_1031.jpeg", 1, State.CLOSED, Verdict.DEFECT),
        "failed": _row(world, "line 1/cast_ok_0042.jpeg", 2, State.INSPECTING, None),
        "waiting": _row(world, "line 2/cast_ok_2204.jpeg", 3, State.WAITING, Verdict.UNCLEAR),
        "plain": _row(world, "line 2/cast_def_0_1031.jpeg", 4, State.CLOSED, Verdict.OK),
    }
    decision = Decision("d1", Verdict.DEFECT, "ann", rows["reviewed"].claimed_at, "a crack at the rim")
    rows["reviewed"] = replace(
        rows["reviewed"], decision=decision, review=Review(timestamps.text(T0), 2, "", True)
    )
    rows["waiting"] = replace(rows["waiting"], review=Review(timestamps.text(T0), 1, ""))
    world.line.ledger.rows |= {row.id: row for row in rows.values()}
    world.archive.keep(reviewed(rows["reviewed"].owner))
    world.archive.keep(failed(rows["failed"].owner))
    world.histories.records[rows["waiting"].owner] = waiting(rows["waiting"].owner)
    lost = rows["failed"]
    world.books.add_failure(
        Failure(
            lost.owner, timestamps.now(), "FAILED", "Detect labels", "ThrottlingException", "Rate exceeded"
        )
    )
    return rows


def plain(world: World, key: str, number: int) -> Inspection:
    """An inspection that the model settled, without a history."""
    row = _row(world, key, number, State.CLOSED, Verdict.OK)
    world.line.ledger.rows[row.id] = row
    return row


def _row(world: World, key: str, number: int, state: State, verdict: Verdict | None) -> Inspection:
    image: Image = world.line.shelf.upload("inbound", key, photo(40 * number))
    at = timestamps.text(datetime.fromisoformat(timestamps.now()) - timedelta(minutes=10 * number))
    scores = (Score("def_front", 0.613), Score("ok_front", 0.387))
    said = Prediction(Verdict.DEFECT, "def_front", 0.613, 0.8, scores, MODEL, "2026-01") if verdict else None
    one = inspection_id(image)
    return Inspection(
        one,
        image,
        execution_name(one, 1),
        1,
        state,
        at,
        at,
        at,
        image,
        verdict,
        prediction=said,
        settled_at=timestamps.later(at, 417.4) if state is State.CLOSED else "",
        closed_at=timestamps.later(at, 418) if state is State.CLOSED else "",
    )
