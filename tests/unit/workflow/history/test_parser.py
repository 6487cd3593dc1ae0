import json
import random
from datetime import timedelta
from typing import Any

import pytest

from tests.recorder import AWS_TOKEN, T0, Recorder
from workflow.history.parser import TOKEN, Status, Step, steps

UUID = "0b9f4c1e-6a51-4d0e-9f0a-2f4f7d1f9a11"


@pytest.fixture
def record() -> Recorder:
    recorder = Recorder()
    recorder("ExecutionStarted", 0, input="{}", roleArn="role")
    return recorder


def walked(record: Recorder) -> dict[str, Step]:
    return {step.name: step for step in steps(record.events)}


def test_an_empty_history_has_no_steps() -> None:
    assert steps([]) == ()


def test_a_lambda_step_has_its_times_payloads_and_one_attempt(record: Recorder) -> None:
    record.enter("Task", "Claim upload", document={"image": 1})
    record("LambdaFunctionScheduled", resource="arn:claim", input='{"image": 1}', timeoutInSeconds=60)
    record("LambdaFunctionStarted")
    record("LambdaFunctionSucceeded", output='{"outcome": "readable"}')
    record.leave("Task", "Claim upload", document={"image": 1, "upload": {"outcome": "readable"}})
    record("ExecutionSucceeded", output="{}")

    (step,) = steps(record.events)

    assert (step.id, step.name, step.type, step.status) == (2, "Claim upload", "Task", Status.SUCCEEDED)
    assert (step.entered_at, step.seconds) == (T0 + timedelta(seconds=2), 4.0)
    assert step.input == {"image": 1}
    assert step.output == {"image": 1, "upload": {"outcome": "readable"}}
    (attempt,) = step.attempts
    assert (attempt.number, attempt.status, attempt.resource) == (1, Status.SUCCEEDED, "arn:claim")
    assert (attempt.input, attempt.output) == ({"image": 1}, {"outcome": "readable"})
    assert attempt.started_at == T0 + timedelta(seconds=4)
    assert attempt.ended_at == T0 + timedelta(seconds=5)


def test_steps_without_work_have_no_attempts(record: Recorder) -> None:
    for kind in ("Pass", "Choice", "Wait", "Succeed"):
        record.enter(kind, kind)
        record.leave(kind, kind)
    record("ExecutionSucceeded", output="{}")

    read = steps(record.events)

    assert [(step.type, step.status, step.attempts) for step in read] == [
        (kind, Status.SUCCEEDED, ()) for kind in ("Pass", "Choice", "Wait", "Succeed")
    ]


def test_retries_within_one_visit_are_attempts_and_visits_are_steps(record: Recorder) -> None:
    for _ in range(2):
        record.enter("Task", "Detect labels")
        record("LambdaFunctionScheduled", resource="arn", input="{}")
        record("LambdaFunctionStarted")
        record("LambdaFunctionFailed", error="Throttled", cause="too fast")
        record("LambdaFunctionScheduled", resource="arn", input="{}")
        record("LambdaFunctionTimedOut")
        record("LambdaFunctionScheduled", resource="arn", input="{}")
        record("LambdaFunctionSucceeded", output="{}")
        record.leave("Task", "Detect labels")
    record("ExecutionSucceeded", output="{}")

    first, second = steps(record.events)

    assert first.id != second.id
    assert [attempt.status for attempt in first.attempts] == [
        *(Status.FAILED, Status.TIMED_OUT, Status.SUCCEEDED),
    ]
    assert [attempt.error for attempt in first.attempts] == ["Throttled", "States.Timeout", ""]
    assert (first.status, first.error) == (Status.SUCCEEDED, "")


def test_a_caught_error_lets_the_execution_go_on_and_is_kept(record: Recorder) -> None:
    record.enter("Task", "Ask a reviewer")
    record("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters="{}")
    record("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken", output="{}")
    record("TaskTimedOut", error="States.Timeout", resourceType="lambda", resource="invoke.waitForTaskToken")
    record.leave("Task", "Ask a reviewer", document={"overdue": {}})
    record.enter("Task", "Escalate review")

    read = walked(record)

    assert read["Ask a reviewer"].status is Status.CAUGHT
    assert read["Ask a reviewer"].error == "States.Timeout"
    assert read["Ask a reviewer"].attempts[0].status is Status.TIMED_OUT
    assert (read["Escalate review"].status, read["Escalate review"].seconds) == (Status.RUNNING, None)


def test_a_submitted_callback_waits_and_other_integrations_run(record: Recorder) -> None:
    record.enter("Task", "Ask a reviewer")
    record("TaskScheduled", resourceType="lambda", resource="invoke.waitForTaskToken", parameters="{}")
    record("TaskSubmitted", resourceType="lambda", resource="invoke.waitForTaskToken")

    assert steps(record.events)[0].status is Status.WAITING

    record("TaskSucceeded", output='{"verdict": "ok"}')
    record.leave("Task", "Ask a reviewer")
    record.enter("Task", "Run a job")
    record("TaskScheduled", resourceType="states", resource="startExecution.sync", parameters="{}")
    record("TaskSubmitted", resourceType="states", resource="startExecution.sync")

    assert [step.status for step in steps(record.events)] == [Status.SUCCEEDED, Status.RUNNING]


@pytest.mark.parametrize("kind", ["ScheduleFailed", "StartFailed"])
def test_a_function_that_could_not_even_start_is_a_failed_attempt(record: Recorder, kind: str) -> None:
    record.enter("Task", "Claim upload")
    if kind == "StartFailed":
        record("LambdaFunctionScheduled", resource="arn", input="{}")
    record(f"LambdaFunction{kind}", error="AccessDenied", cause="no")
    record("ExecutionFailed", error="AccessDenied", cause="no")

    (step,) = steps(record.events)

    assert (step.status, step.error, step.cause) == (Status.FAILED, "AccessDenied", "no")
    assert [attempt.status for attempt in step.attempts] == [Status.FAILED]


def test_an_activity_is_read_like_any_task(record: Recorder) -> None:
    record.enter("Task", "Measure")
    record("ActivityScheduled", resource="arn:activity", input='{"part": 1}')
    record("ActivityStarted", workerName="bench 3")
    record("ActivityTimedOut", error="States.HeartbeatTimeout")
    record("ExecutionFailed", error="States.HeartbeatTimeout")

    (step,) = steps(record.events)

    assert (step.status, step.error) == (Status.TIMED_OUT, "States.HeartbeatTimeout")
    assert step.attempts[0].input == {"part": 1}


def test_a_fail_state_has_the_executions_error(record: Recorder) -> None:
    record.enter("Fail", "Upload vanished")
    record("ExecutionFailed", error="UploadVanished", cause="deleted")

    (step,) = steps(record.events)

    assert (step.status, step.error, step.cause) == (Status.FAILED, "UploadVanished", "deleted")


@pytest.mark.parametrize(
    ("event", "status"), [("ExecutionAborted", Status.ABORTED), ("ExecutionTimedOut", Status.TIMED_OUT)]
)
def test_a_step_ends_as_its_execution_was_ended(record: Recorder, event: str, status: Status) -> None:
    record.enter("Wait", "Wait for model")
    record(event, 0)

    (step,) = steps(record.events)

    assert (step.status, step.seconds) == (status, 1.0)


def test_an_expression_that_fails_is_the_steps_error(record: Recorder) -> None:
    record.enter("Choice", "Is the prediction clear?")
    record("EvaluationFailed", error="States.QueryEvaluationError", cause="no field", state="x", location="y")
    record("ExecutionFailed", error="States.QueryEvaluationError")

    (step,) = steps(record.events)

    assert (step.status, step.error) == (Status.FAILED, "States.QueryEvaluationError")
    assert step.cause == "no field"


def test_branches_of_a_parallel_are_told_apart_though_their_events_mix(record: Recorder) -> None:
    outer = record.enter("Parallel", "Check sides")
    begun = record("ParallelStateStarted")
    top = record.enter("Task", "Top", begun)
    bottom = record.enter("Task", "Bottom", begun)
    top = record("LambdaFunctionScheduled", top, resource="top", input="{}")
    bottom = record("LambdaFunctionScheduled", bottom, resource="bottom", input="{}")
    bottom = record("LambdaFunctionSucceeded", bottom, output='"bottom"')
    top = record("LambdaFunctionSucceeded", top, output='"top"')
    bottom = record.leave("Task", "Bottom", bottom)
    bottom = record.enter("Pass", "Bottom done", bottom)
    bottom = record.leave("Pass", "Bottom done", bottom)
    top = record.leave("Task", "Top", top)
    done = record("ParallelStateSucceeded", top)
    after = record.leave("Parallel", "Check sides", done)
    record.enter("Pass", "After", after)

    read = walked(record)

    assert [step.depth for step in read.values()] == [0, 1, 1, 1, 0]
    assert read["Top"].branch == ("Check sides[0]",)
    assert read["Bottom"].branch == read["Bottom done"].branch == ("Check sides[1]",)
    assert read["Top"].within == read["Bottom"].within == outer
    assert read["Top"].attempts[0].output == "top"
    assert read["Bottom"].attempts[0].output == "bottom"
    assert {step.status for name, step in read.items() if name != "After"} == {Status.SUCCEEDED}


def test_a_branch_that_fails_stops_the_others_and_fails_the_parallel(record: Recorder) -> None:
    record.enter("Parallel", "Check sides")
    begun = record("ParallelStateStarted")
    top = record.enter("Task", "Top", begun)
    record.enter("Wait", "Bottom", begun)
    top = record("LambdaFunctionScheduled", top, resource="top", input="{}")
    top = record("LambdaFunctionFailed", top, error="Boom", cause="loud")
    record("TaskStateAborted", top)
    record("WaitStateAborted", top)
    failed = record("ParallelStateFailed", top)
    left = record.leave("Parallel", "Check sides", failed)
    record.enter("Pass", "Caught", left)

    read = walked(record)

    assert read["Top"].status is Status.FAILED
    assert read["Bottom"].status is Status.ABORTED
    assert (read["Check sides"].status, read["Check sides"].error) == (Status.CAUGHT, "Boom")
    assert read["Caught"].depth == 0


def test_iterations_of_a_map_are_its_branches_and_a_retried_map_has_attempts(record: Recorder) -> None:
    record.enter("Map", "Every photo")
    for _ in range(2):
        started = record("MapStateStarted", length=2)
        first = record("MapIterationStarted", started, name="Every photo", index=0)
        second = record("MapIterationStarted", started, name="Every photo", index=1)
        first = record.enter("Pass", "Look", first)
        second = record.enter("Fail", "Refuse", second)
        first = record.leave("Pass", "Look", first)
        record("MapIterationSucceeded", first, name="Every photo", index=0)
        record("MapIterationFailed", second, name="Every photo", index=1)
    record("MapStateFailed")
    record("ExecutionFailed", error="Refused")

    read = steps(record.events)

    assert [(step.name, step.branch) for step in read] == [
        ("Every photo", ()),
        ("Look", ("Every photo[0]",)),
        ("Refuse", ("Every photo[1]",)),
        ("Look", ("Every photo[0]",)),
        ("Refuse", ("Every photo[1]",)),
    ]
    assert [attempt.status for attempt in read[0].attempts] == [Status.FAILED, Status.FAILED]
    assert (read[0].status, read[0].error) == (Status.FAILED, "Refused")
    assert {step.status for step in read if step.name == "Refuse"} == {Status.FAILED}


def test_a_map_within_a_parallel_is_two_deep(record: Recorder) -> None:
    record.enter("Parallel", "Outer")
    begun = record("ParallelStateStarted")
    record.enter("Map", "Inner", begun)
    record("MapStateStarted", length=1)
    record("MapIterationStarted", name="Inner", index=0)
    record.enter("Pass", "Deep")
    record.leave("Pass", "Deep")
    record("MapIterationSucceeded", name="Inner", index=0)
    record("MapStateSucceeded")
    record.leave("Map", "Inner")
    record("ParallelStateSucceeded")
    record.leave("Parallel", "Outer")

    read = walked(record)

    assert read["Deep"].branch == ("Outer[0]", "Inner[0]")
    assert {step.status for step in read.values()} == {Status.SUCCEEDED}


def test_a_distributed_map_that_failed_says_why(record: Recorder) -> None:
    record.enter("Map", "Every photo")
    record("MapStateStarted", length=0)
    record("MapRunStarted", mapRunArn="arn")
    record("MapRunFailed", error="States.ItemReaderFailed", cause="no such bucket")
    record("MapStateFailed")
    record("ExecutionFailed", error="States.ItemReaderFailed")

    (step,) = steps(record.events)

    assert (step.status, step.error, step.cause) == (
        *(Status.FAILED, "States.ItemReaderFailed", "no such bucket"),
    )


def test_a_redrive_opens_the_failed_step_again_with_a_new_attempt(record: Recorder) -> None:
    record.enter("Task", "Move to ok")
    record("LambdaFunctionScheduled", resource="arn", input="{}")
    record("LambdaFunctionFailed", error="Boom")
    record("ExecutionFailed", error="Boom")
    record("ExecutionRedriven", redriveCount=1)
    record("LambdaFunctionScheduled", resource="arn", input="{}")
    record("LambdaFunctionSucceeded", output="{}")
    record.leave("Task", "Move to ok")
    record("ExecutionSucceeded", output="{}")

    (step,) = steps(record.events)

    assert (step.status, step.error) == (Status.SUCCEEDED, "")
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
def test_no_token_leaves_by_any_field(
    record: Recorder, parameters: dict[str, Any], secret: str, as_text: bool
) -> None:
    inspection = "ab" * 32
    record.enter("Task", "Ask a reviewer", document={"inspection_id": inspection})
    parameters = {**parameters, "inspection_id": inspection}
    record(
        "TaskScheduled",
        resourceType="lambda",
        resource="invoke.waitForTaskToken",
        parameters=json.dumps(parameters) if as_text else parameters,
    )
    if len(secret) > 20:
        record("TaskFailed", error="Boom", cause=f"could not use {secret} at all")
        record.leave("Task", "Ask a reviewer", document={"error": {"Cause": f"with {secret}"}})

    (step,) = steps(record.events)

    assert secret not in repr(step)
    assert TOKEN in repr(step.attempts[0].input)
    assert inspection in repr(step.attempts[0].input)


def test_ordinary_values_are_not_taken_for_tokens(record: Recorder) -> None:
    document = {
        "inspection_id": "ab" * 32,
        "tokens": 5,
        "key": "a" * 500,
        "url": "https://sqs.example/q" + "x" * 40,
    }
    record.enter("Task", "Announce verdict", document=document)
    record("TaskScheduled", resourceType="sqs", resource="sendMessage", parameters=json.dumps(document))

    (step,) = steps(record.events)

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

    (step,) = steps(events)

    assert (step.status, step.error, step.seconds) == (Status.FAILED, "Boom", 3.0)
    assert step.entered_at == T0 + timedelta(seconds=2)


def test_the_order_of_the_answer_does_not_matter(record: Recorder) -> None:
    test_branches_of_a_parallel_are_told_apart_though_their_events_mix(record)
    mixed = record.events[:]
    random.Random(1).shuffle(mixed)  # noqa: S311

    assert steps(mixed) == steps(record.events)
    assert steps(reversed(record.events)) == steps(record.events)


def test_strange_events_are_passed_over() -> None:
    strange: list[dict[str, Any]] = [
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

    (step,) = steps(strange)

    assert (step.name, step.input, step.status) == ("A", None, Status.RUNNING)
