import json
import random
from datetime import timedelta
from typing import Any

import pytest

from review_app.executions.graph.drawing import step_style
from review_app.executions.timeline import is_human_wait
from tests.recorder import AWS_TOKEN, T0, Recorder
from workflow.history.parser import parse_steps
from workflow.history.redaction import TOKEN_PLACEHOLDER
from workflow.history.step import MODEL_WAIT, ExecutionStep, StepStatus

UUID = "0b9f4c1e-6a51-4d0e-9f0a-2f4f7d1f9a11"


@pytest.fixture
def recorder() -> Recorder:
    recorder = Recorder()
    recorder("ExecutionStarted", 0, input="{}", roleArn="role")
    return recorder


def parse_by_name(recorder: Recorder) -> dict[str, ExecutionStep]:
    return {step.name: step for step in parse_steps(recorder.events)}


def test_an_empty_history_has_no_steps() -> None:
    assert parse_steps([]) == ()


def test_a_lambda_step_has_its_times_payloads_and_one_attempt(recorder: Recorder) -> None:
    recorder.enter("Task", "Claim upload", document={"image": 1})
    recorder("LambdaFunctionScheduled", resource="arn:claim", input='{"image": 1}', timeoutInSeconds=60)
    recorder("LambdaFunctionStarted")
    recorder("LambdaFunctionSucceeded", output='{"outcome": "readable"}')
    recorder.leave("Task", "Claim upload", document={"image": 1, "upload": {"outcome": "readable"}})
    recorder("ExecutionSucceeded", output="{}")

    (step,) = parse_steps(recorder.events)

    assert (step.id, step.name, step.type, step.status) == (2, "Claim upload", "Task", StepStatus.SUCCEEDED)
    assert (step.entered_at, step.seconds) == (T0 + timedelta(seconds=2), 4.0)
    assert step.input == {"image": 1}
    assert step.output == {"image": 1, "upload": {"outcome": "readable"}}
    (attempt,) = step.attempts
    assert (attempt.number, attempt.status, attempt.resource) == (1, StepStatus.SUCCEEDED, "arn:claim")
    assert (attempt.input, attempt.output) == ({"image": 1}, {"outcome": "readable"})
    assert attempt.started_at == T0 + timedelta(seconds=4)
    assert attempt.ended_at == T0 + timedelta(seconds=5)


def test_steps_without_work_have_no_attempts(recorder: Recorder) -> None:
    for state_type in ("Pass", "Choice", "Wait", "Succeed"):
        recorder.enter(state_type, state_type)
        recorder.leave(state_type, state_type)
    recorder("ExecutionSucceeded", output="{}")

    steps = parse_steps(recorder.events)

    assert [(step.type, step.status, step.attempts) for step in steps] == [
        (state_type, StepStatus.SUCCEEDED, ()) for state_type in ("Pass", "Choice", "Wait", "Succeed")
    ]


def test_retries_within_one_visit_are_attempts_and_visits_are_steps(recorder: Recorder) -> None:
    for _ in range(2):
        recorder.enter("Task", "Detect labels")
        recorder("LambdaFunctionScheduled", resource="arn", input="{}")
        recorder("LambdaFunctionStarted")
        recorder("LambdaFunctionFailed", error="Throttled", cause="too fast")
        recorder("LambdaFunctionScheduled", resource="arn", input="{}")
        recorder("LambdaFunctionTimedOut")
        recorder("LambdaFunctionScheduled", resource="arn", input="{}")
        recorder("LambdaFunctionSucceeded", output="{}")
        recorder.leave("Task", "Detect labels")
    recorder("ExecutionSucceeded", output="{}")

    first, second = parse_steps(recorder.events)

    assert first.id != second.id
    assert [attempt.status for attempt in first.attempts] == [
        *(StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.SUCCEEDED),
    ]
    assert [attempt.error for attempt in first.attempts] == ["Throttled", "States.Timeout", ""]
    assert (first.status, first.error) == (StepStatus.SUCCEEDED, "")


def test_a_caught_error_is_kept_and_the_execution_continues(recorder: Recorder) -> None:
    recorder.enter("Task", "Ask a reviewer")
    recorder("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters="{}")
    recorder("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken", output="{}")
    recorder(
        "TaskTimedOut", error="States.Timeout", resourceType="lambda", resource="invoke.waitForTaskToken"
    )
    recorder.leave("Task", "Ask a reviewer", document={"overdue": {}})
    recorder.enter("Task", "Escalate review")

    steps = parse_by_name(recorder)

    assert steps["Ask a reviewer"].status is StepStatus.CAUGHT
    assert steps["Ask a reviewer"].error == "States.Timeout"
    assert steps["Ask a reviewer"].attempts[0].status is StepStatus.TIMED_OUT
    assert (steps["Escalate review"].status, steps["Escalate review"].seconds) == (StepStatus.RUNNING, None)


@pytest.mark.parametrize(
    ("state", "seconds", "text"),
    [
        (MODEL_WAIT, 86_400, "for the model since 2026-01-01 00:00 UTC, until 2026-01-02 00:00 UTC at most"),
        ("Ask a reviewer", None, "for a reviewer since 2026-01-01 00:00 UTC"),
    ],
)
def test_a_wait_tells_in_words_since_when_until_when_and_for_what(
    recorder: Recorder, state: str, seconds: int | None, text: str
) -> None:
    how: dict[str, Any] = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}
    limit = {"timeoutInSeconds": seconds} if seconds else {}
    payload = json.dumps({"Payload": {"token": AWS_TOKEN}})
    recorder.enter("Task", state)
    recorder("TaskScheduled", **how, **limit, parameters=payload)
    recorder("TaskSubmitted", **how)

    (step,) = parse_steps(recorder.events)

    assert step.status_text == f"waiting {text}"
    assert AWS_TOKEN not in repr(step)
    assert step_style(step) == ("running" if state == MODEL_WAIT else "waiting")
    assert is_human_wait(step) == (state != MODEL_WAIT)


def test_a_submitted_callback_waits_and_other_integrations_run(recorder: Recorder) -> None:
    recorder.enter("Task", "Ask a reviewer")
    recorder("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters="{}")
    recorder("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken")

    assert parse_steps(recorder.events)[0].status is StepStatus.WAITING

    recorder("TaskSucceeded", output='{"verdict": "ok"}')
    recorder.leave("Task", "Ask a reviewer")
    recorder.enter("Task", "Run a job")
    recorder("TaskScheduled", resourceType="states", resource="startExecution.sync", parameters="{}")
    recorder("TaskSubmitted", resourceType="states", resource="startExecution.sync")

    assert [step.status for step in parse_steps(recorder.events)] == [
        StepStatus.SUCCEEDED,
        StepStatus.RUNNING,
    ]


NO_ACCESS = {"error": "AccessDenied", "cause": "no"}
SCHEDULED = ("LambdaFunctionScheduled", {"resource": "arn", "input": "{}"})
NO_BUCKET = {"error": "States.ItemReaderFailed", "cause": "no such bucket"}
NO_FIELD = {"error": "States.QueryEvaluationError", "cause": "no field"}
LATE, DELETED = {"error": "States.HeartbeatTimeout"}, {"error": "UploadVanished", "cause": "deleted"}


@pytest.mark.parametrize(
    ("state_type", "events", "status", "failure"),
    [
        ("Task", [("LambdaFunctionScheduleFailed", NO_ACCESS)], StepStatus.FAILED, NO_ACCESS),
        ("Task", [SCHEDULED, ("LambdaFunctionStartFailed", NO_ACCESS)], StepStatus.FAILED, NO_ACCESS),
        (
            "Task",
            [("ActivityScheduled", {"resource": "arn"}), ("ActivityStarted", {}), ("ActivityTimedOut", LATE)],
            StepStatus.TIMED_OUT,
            LATE,
        ),
        ("Fail", [], StepStatus.FAILED, DELETED),
        ("Choice", [("EvaluationFailed", NO_FIELD)], StepStatus.FAILED, NO_FIELD),
        (
            "Map",
            [
                ("MapStateStarted", {"length": 0}),
                ("MapRunStarted", {"mapRunArn": "arn"}),
                ("MapRunFailed", NO_BUCKET),
                ("MapStateFailed", {}),
            ],
            StepStatus.FAILED,
            NO_BUCKET,
        ),
    ],
    ids=["not scheduled", "not started", "activity", "Fail", "expression", "distributed map"],
)
def test_a_step_that_failed_has_the_error_and_cause_of_its_last_event(
    recorder: Recorder,
    state_type: str,
    events: list[tuple[str, dict[str, Any]]],
    status: StepStatus,
    failure: dict[str, str],
) -> None:
    recorder.enter(state_type, "Step")
    for kind, details in events:
        recorder(kind, **details)
    recorder("ExecutionFailed", **failure)

    (step,) = parse_steps(recorder.events)

    assert (step.status, step.error, step.cause) == (status, failure["error"], failure.get("cause", ""))
    if state_type == "Task":
        assert [attempt.status for attempt in step.attempts] == [status]


def test_an_activity_has_its_input(recorder: Recorder) -> None:
    recorder.enter("Task", "Measure")
    recorder("ActivityScheduled", resource="arn:activity", input='{"part": 1}')

    assert parse_steps(recorder.events)[0].attempts[0].input == {"part": 1}


@pytest.mark.parametrize(
    ("event", "status"),
    [("ExecutionAborted", StepStatus.ABORTED), ("ExecutionTimedOut", StepStatus.TIMED_OUT)],
)
def test_an_open_step_ends_with_the_status_of_its_execution(
    recorder: Recorder, event: str, status: StepStatus
) -> None:
    recorder.enter("Wait", "Wait for model")
    recorder(event, 0)

    (step,) = parse_steps(recorder.events)

    assert (step.status, step.seconds) == (status, 1.0)


def test_branches_of_a_parallel_are_separated_although_their_events_are_interleaved(
    recorder: Recorder,
) -> None:
    outer = recorder.enter("Parallel", "Check sides")
    begun = recorder("ParallelStateStarted")
    top = recorder.enter("Task", "Top", begun)
    bottom = recorder.enter("Task", "Bottom", begun)
    top = recorder("LambdaFunctionScheduled", top, resource="top", input="{}")
    bottom = recorder("LambdaFunctionScheduled", bottom, resource="bottom", input="{}")
    bottom = recorder("LambdaFunctionSucceeded", bottom, output='"bottom"')
    top = recorder("LambdaFunctionSucceeded", top, output='"top"')
    bottom = recorder.leave("Task", "Bottom", bottom)
    bottom = recorder.enter("Pass", "Bottom done", bottom)
    bottom = recorder.leave("Pass", "Bottom done", bottom)
    top = recorder.leave("Task", "Top", top)
    succeeded = recorder("ParallelStateSucceeded", top)
    after = recorder.leave("Parallel", "Check sides", succeeded)
    recorder.enter("Pass", "After", after)

    steps = parse_by_name(recorder)

    assert [step.depth for step in steps.values()] == [0, 1, 1, 1, 0]
    assert steps["Top"].branch == ("Check sides[0]",)
    assert steps["Bottom"].branch == steps["Bottom done"].branch == ("Check sides[1]",)
    assert steps["Top"].parent_id == steps["Bottom"].parent_id == outer
    assert steps["Top"].attempts[0].output == "top"
    assert steps["Bottom"].attempts[0].output == "bottom"
    assert {step.status for name, step in steps.items() if name != "After"} == {StepStatus.SUCCEEDED}


def test_a_branch_that_fails_stops_the_others_and_fails_the_parallel(recorder: Recorder) -> None:
    recorder.enter("Parallel", "Check sides")
    begun = recorder("ParallelStateStarted")
    top = recorder.enter("Task", "Top", begun)
    recorder.enter("Wait", "Bottom", begun)
    top = recorder("LambdaFunctionScheduled", top, resource="top", input="{}")
    top = recorder("LambdaFunctionFailed", top, error="Boom", cause="loud")
    recorder("TaskStateAborted", top)
    recorder("WaitStateAborted", top)
    failed = recorder("ParallelStateFailed", top)
    left = recorder.leave("Parallel", "Check sides", failed)
    recorder.enter("Pass", "Caught", left)

    steps = parse_by_name(recorder)

    assert steps["Top"].status is StepStatus.FAILED
    assert steps["Bottom"].status is StepStatus.ABORTED
    assert (steps["Check sides"].status, steps["Check sides"].error) == (StepStatus.CAUGHT, "Boom")
    assert steps["Caught"].depth == 0


def test_iterations_of_a_map_are_its_branches_and_a_retried_map_has_attempts(recorder: Recorder) -> None:
    recorder.enter("Map", "Every photo")
    for _ in range(2):
        started = recorder("MapStateStarted", length=2)
        first = recorder("MapIterationStarted", started, name="Every photo", index=0)
        second = recorder("MapIterationStarted", started, name="Every photo", index=1)
        first = recorder.enter("Pass", "Look", first)
        second = recorder.enter("Fail", "Refuse", second)
        first = recorder.leave("Pass", "Look", first)
        recorder("MapIterationSucceeded", first, name="Every photo", index=0)
        recorder("MapIterationFailed", second, name="Every photo", index=1)
    recorder("MapStateFailed")
    recorder("ExecutionFailed", error="Refused")

    steps = parse_steps(recorder.events)

    assert [(step.name, step.branch) for step in steps] == [
        ("Every photo", ()),
        ("Look", ("Every photo[0]",)),
        ("Refuse", ("Every photo[1]",)),
        ("Look", ("Every photo[0]",)),
        ("Refuse", ("Every photo[1]",)),
    ]
    assert [attempt.status for attempt in steps[0].attempts] == [StepStatus.FAILED, StepStatus.FAILED]
    assert (steps[0].status, steps[0].error) == (StepStatus.FAILED, "Refused")
    assert {step.status for step in steps if step.name == "Refuse"} == {StepStatus.FAILED}


def test_a_map_within_a_parallel_has_depth_two(recorder: Recorder) -> None:
    recorder.enter("Parallel", "Outer")
    begun = recorder("ParallelStateStarted")
    recorder.enter("Map", "Inner", begun)
    recorder("MapStateStarted", length=1)
    recorder("MapIterationStarted", name="Inner", index=0)
    recorder.enter("Pass", "Deep")
    recorder.leave("Pass", "Deep")
    recorder("MapIterationSucceeded", name="Inner", index=0)
    recorder("MapStateSucceeded")
    recorder.leave("Map", "Inner")
    recorder("ParallelStateSucceeded")
    recorder.leave("Parallel", "Outer")

    steps = parse_by_name(recorder)

    assert steps["Deep"].branch == ("Outer[0]", "Inner[0]")
    assert {step.status for step in steps.values()} == {StepStatus.SUCCEEDED}


def test_a_redrive_reopens_the_failed_step_with_a_new_attempt(recorder: Recorder) -> None:
    recorder.enter("Task", "Move to ok")
    recorder("LambdaFunctionScheduled", resource="arn", input="{}")
    recorder("LambdaFunctionFailed", error="Boom")
    recorder("ExecutionFailed", error="Boom")
    recorder("ExecutionRedriven", redriveCount=1)
    recorder("LambdaFunctionScheduled", resource="arn", input="{}")
    recorder("LambdaFunctionSucceeded", output="{}")
    recorder.leave("Task", "Move to ok")
    recorder("ExecutionSucceeded", output="{}")

    (step,) = parse_steps(recorder.events)

    assert (step.status, step.error) == (StepStatus.SUCCEEDED, "")
    assert [attempt.redrive for attempt in step.attempts] == [0, 1]


@pytest.mark.parametrize(
    ("parameters", "secret"),
    [
        ({"Payload": {"token": "short-token"}}, "short-token"),
        ({"Payload": {"TaskToken": UUID}}, UUID),
        ({"Payload": {"my_task_token": AWS_TOKEN}}, AWS_TOKEN),
        ({"Payload": {"answer_with": AWS_TOKEN}}, AWS_TOKEN),
        ({"Payload": {"link": f"https://example.org/?t={AWS_TOKEN}&x=1"}}, AWS_TOKEN),
        ({"MessageBody": json.dumps({"TaskToken": UUID})}, UUID),
        ({"MessageBody": f"please answer {UUID}"}, UUID),
        (
            {"Payload": {"answer_with": "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9v"}},
            "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9v",
        ),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_no_token_is_left_in_any_field(
    recorder: Recorder, parameters: dict[str, Any], secret: str, as_text: bool
) -> None:
    inspection = "ab" * 32
    recorder.enter("Task", "Ask a reviewer", document={"inspection_id": inspection})
    parameters = {**parameters, "inspection_id": inspection}
    recorder(
        "TaskScheduled",
        resourceType="lambda",
        resource="invoke.waitForTaskToken",
        parameters=json.dumps(parameters) if as_text else parameters,
    )
    if len(secret) > 20:
        recorder("TaskFailed", error="Boom", cause=f"could not use {secret} at all")
        recorder.leave("Task", "Ask a reviewer", document={"error": {"Cause": f"with {secret}"}})

    (step,) = parse_steps(recorder.events)

    assert secret not in repr(step)
    assert TOKEN_PLACEHOLDER in repr(step.attempts[0].input)
    assert inspection in repr(step.attempts[0].input)


def test_ordinary_values_are_not_taken_for_tokens(recorder: Recorder) -> None:
    document = {
        "inspection_id": "ab" * 32,
        "tokens": 5,
        "key": "a" * 500,
        "url": "https://sqs.example/q" + "x" * 40,
    }
    recorder.enter("Task", "Announce verdict", document=document)
    recorder("TaskScheduled", resourceType="sqs", resource="sendMessage", parameters=json.dumps(document))

    (step,) = parse_steps(recorder.events)

    assert step.input == step.attempts[0].input == document


def test_events_without_previous_ids_follow_each_other() -> None:
    events = [
        {"id": 1, "type": "ExecutionStarted", "timestamp": "2026-01-01T00:00:01Z"},
        {
            "id": 2,
            "type": "TaskStateEntered",
            "timestamp": "2026-01-01T00:00:02Z",
            "stateEnteredEventDetails": {"name": "A", "input": "{}"},
        },
        {
            "id": 3,
            "type": "TaskScheduled",
            "timestamp": 1767225603,
            "taskScheduledEventDetails": {"resourceType": "lambda", "resource": "invoke", "parameters": "{}"},
        },
        {
            "id": 4,
            "type": "TaskFailed",
            "timestamp": 1767225604.5,
            "taskFailedEventDetails": {"error": "Boom"},
        },
        {"id": 5, "type": "ExecutionFailed", "timestamp": "2026-01-01T00:00:05+00:00"},
    ]

    (step,) = parse_steps(events)

    assert (step.status, step.error, step.seconds) == (StepStatus.FAILED, "Boom", 3.0)
    assert step.entered_at == T0 + timedelta(seconds=2)


def test_the_order_of_the_events_does_not_matter(recorder: Recorder) -> None:
    test_branches_of_a_parallel_are_separated_although_their_events_are_interleaved(recorder)
    shuffled = recorder.events[:]
    random.Random(1).shuffle(shuffled)  # noqa: S311

    assert parse_steps(shuffled) == parse_steps(recorder.events)
    assert parse_steps(reversed(recorder.events)) == parse_steps(recorder.events)


def test_unusable_events_are_skipped() -> None:
    events: list[dict[str, Any]] = [
        {},
        {"id": [0], "type": "TaskScheduled", "previousEventId": 0},
        {"id": 3, "previousEventId": 99, "type": "TaskStateExited", "stateExitedEventDetails": {"name": "A"}},
        {"id": 4, "previousEventId": 3, "type": "MapIterationFailed"},
        {"id": 5, "previousEventId": 4, "type": "ParallelStateFailed"},
        {"id": 6, "previousEventId": 5, "type": "SomethingNew", "somethingNewEventDetails": None},
        {
            "id": 7,
            "previousEventId": 6,
            "type": "PassStateEntered",
            "stateEnteredEventDetails": {"name": "A"},
        },
    ]

    (step,) = parse_steps(events)

    assert (step.name, step.input, step.status) == ("A", None, StepStatus.RUNNING)
