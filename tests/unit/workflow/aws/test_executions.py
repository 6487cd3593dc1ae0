"""Step Functions' answers about names, statuses and tokens are converted to the domain's terms."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from workflow.aws.archive import StepFunctionsHistorySource
from workflow.aws.executions import StepFunctionsExecutions

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:Line"
ARN = "arn:aws:states:eu-central-1:123456789012:execution:Line:name-1"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "AQDEAAAA-secret"


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client(
        "stepfunctions", region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
    )


@pytest.fixture
def sfn(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def executions(client: Any) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(MACHINE, client)


def test_an_execution_is_started_by_its_name_with_its_document(
    executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    document = {"image": {"key": "ä b+c%2F.png"}}
    expected = {"stateMachineArn": MACHINE, "name": "name-1", "input": json.dumps(document)}
    sfn.add_response("start_execution", {"executionArn": ARN, "startDate": WHEN}, expected)

    assert executions.start("name-1", document) is True


def test_a_name_that_was_used_starts_nothing(executions: StepFunctionsExecutions, sfn: Stubber) -> None:
    sfn.add_client_error("start_execution", "ExecutionAlreadyExists")

    assert executions.start("name-1", {}) is False


@pytest.mark.parametrize("code", ["StateMachineDoesNotExist", "ExecutionLimitExceeded", "InvalidName"])
def test_any_other_refusal_to_start_is_a_fault(
    executions: StepFunctionsExecutions, sfn: Stubber, code: str
) -> None:
    sfn.add_client_error("start_execution", code)

    with pytest.raises(ClientError, match=code):
        executions.start("name-1", {})


def described(status: str) -> dict[str, Any]:
    return {"executionArn": ARN, "stateMachineArn": MACHINE, "status": status, "startDate": WHEN}


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_has_the_status_that_step_functions_gives(
    executions: StepFunctionsExecutions, sfn: Stubber, status: str
) -> None:
    sfn.add_response("describe_execution", described(status), {"executionArn": ARN})

    assert executions.get_status("name-1") == status


def test_an_unknown_execution_has_no_status_and_no_history(
    executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    sfn.add_client_error("describe_execution", "ExecutionDoesNotExist")
    sfn.add_client_error("get_execution_history", "ExecutionDoesNotExist")

    assert executions.get_status("name-1") is None
    assert executions.get_history("name-1") == []


@pytest.mark.parametrize("operation", ["describe_execution", "get_execution_history", "send_task_success"])
def test_a_fault_is_not_taken_for_an_answer(
    executions: StepFunctionsExecutions, sfn: Stubber, operation: str
) -> None:
    sfn.add_client_error(operation, "AccessDeniedException")
    call = {
        "describe_execution": lambda: executions.get_status("name-1"),
        "get_execution_history": lambda: executions.get_history("name-1"),
        "send_task_success": lambda: executions.complete_task(TOKEN, {}),
    }[operation]

    with pytest.raises(ClientError, match="AccessDenied"):
        call()


def test_all_running_executions_are_listed_page_by_page(
    executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    expected_request = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1000}

    def listed(name: str) -> dict[str, Any]:
        arns = {"executionArn": ARN, "stateMachineArn": MACHINE}
        return {**arns, "name": name, "status": "RUNNING", "startDate": WHEN}

    sfn.add_response(
        "list_executions", {"executions": [listed("a-1")], "nextToken": "more"}, expected_request
    )
    sfn.add_response(
        "list_executions", {"executions": [listed("b-2")]}, {**expected_request, "nextToken": "more"}
    )

    assert executions.list_running() == {"a-1", "b-2"}


def test_a_history_is_read_to_its_end(executions: StepFunctionsExecutions, sfn: Stubber) -> None:
    expected_request = {"executionArn": ARN, "maxResults": 1000}
    first = {"id": 1, "type": "ExecutionStarted", "timestamp": WHEN}
    last = {"id": 2, "type": "ExecutionSucceeded", "timestamp": WHEN}
    sfn.add_response("get_execution_history", {"events": [first], "nextToken": "more"}, expected_request)
    sfn.add_response("get_execution_history", {"events": [last]}, {**expected_request, "nextToken": "more"})

    assert [event["id"] for event in executions.get_history("name-1")] == [1, 2]


def test_a_token_is_answered_with_json(executions: StepFunctionsExecutions, sfn: Stubber) -> None:
    output = {"decision_id": "d1", "verdict": "ok"}
    sfn.add_response("send_task_success", {}, {"taskToken": TOKEN, "output": json.dumps(output)})

    assert executions.complete_task(TOKEN, output) is True


@pytest.mark.parametrize("code", ["TaskTimedOut", "InvalidToken", "TaskDoesNotExist"])
def test_a_dead_token_is_an_answer_whichever_way_it_died(
    executions: StepFunctionsExecutions, sfn: Stubber, code: str
) -> None:
    sfn.add_client_error("send_task_success", code)

    assert executions.complete_task(TOKEN, {}) is False


def test_no_other_error_of_the_service_means_a_dead_token(client: Any) -> None:
    operation = client.meta.service_model.operation_model("SendTaskSuccess")
    named = {shape.name for shape in operation.error_shapes if not shape.name.startswith("Kms")}

    assert named == {"TaskTimedOut", "InvalidToken", "TaskDoesNotExist", "InvalidOutput"}


def test_a_failed_execution_that_step_functions_offers_to_redrive_is_redriven(
    executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    sfn.add_response("describe_execution", {**described("FAILED"), "redriveStatus": "REDRIVABLE"})
    sfn.add_response("redrive_execution", {"redriveDate": WHEN}, {"executionArn": ARN, "clientToken": ANY})

    assert executions.redrive("name-1") == ""


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        ({}, "Step Functions does not offer to redrive it"),
        (
            {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution is older than 14 days"},
            "Execution is older than 14 days",
        ),
    ],
)
def test_an_execution_that_cannot_be_redriven_says_why(
    executions: StepFunctionsExecutions, sfn: Stubber, offer: dict[str, str], why: str
) -> None:
    sfn.add_response("describe_execution", {**described("FAILED"), **offer})

    assert executions.redrive("name-1") == why


@pytest.mark.parametrize("code", ["ExecutionNotRedrivable", "ExecutionDoesNotExist"])
def test_an_offer_that_ended_meanwhile_is_a_refusal(
    executions: StepFunctionsExecutions, sfn: Stubber, code: str
) -> None:
    sfn.add_response("describe_execution", {**described("FAILED"), "redriveStatus": "REDRIVABLE"})
    sfn.add_client_error("redrive_execution", code, "too late")

    assert executions.redrive("name-1") == "too late"


def test_a_redrive_that_is_not_allowed_is_a_fault(executions: StepFunctionsExecutions, sfn: Stubber) -> None:
    sfn.add_response("describe_execution", {**described("FAILED"), "redriveStatus": "REDRIVABLE"})
    sfn.add_client_error("redrive_execution", "AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDenied"):
        executions.redrive("name-1")


def test_executions_are_started_through_an_alias_and_listed_whoever_started_them(
    client: Any, sfn: Stubber
) -> None:
    executions = StepFunctionsExecutions(f"{MACHINE}:live", client)
    started = {"stateMachineArn": f"{MACHINE}:live", "name": "name-1", "input": "{}"}
    sfn.add_response("start_execution", {"executionArn": ARN, "startDate": WHEN}, started)
    listed = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1000}
    sfn.add_response("list_executions", {"executions": []}, listed)

    assert executions.start("name-1", {}) is True
    assert executions.list_running() == set()
    assert executions.arn("name-1") == ARN


def test_failed_executions_are_listed_up_to_a_page_of_known_ones(
    executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    pages = {
        "FAILED": [["f5", "f4"], ["f3", "known 2"], ["known 1"]],
        "TIMED_OUT": [["known 3"]],
        "ABORTED": [[]],
    }
    for status, named in pages.items():
        for number, names in enumerate(named):
            arns = {"executionArn": ARN, "stateMachineArn": MACHINE}
            listed_executions = [
                {**arns, "name": name, "status": status, "startDate": WHEN} for name in names
            ]
            more = {} if status == "ABORTED" else {"nextToken": f"{number}"}
            expected_request = {"stateMachineArn": MACHINE, "statusFilter": status, "maxResults": 50}
            before = {"nextToken": f"{number - 1}"} if number else {}
            sfn.add_response(
                "list_executions", {"executions": listed_executions, **more}, {**expected_request, **before}
            )

    assert list(executions.list_failed(lambda name: "known" in name)) == ["f3", "f4", "f5"]


def test_an_execution_is_stopped_with_the_reason(executions: StepFunctionsExecutions, sfn: Stubber) -> None:
    expected_request = {"executionArn": ARN, "error": "Stopped", "cause": "eve: a jam"}
    sfn.add_response("stop_execution", {"stopDate": WHEN}, expected_request)
    sfn.add_client_error("stop_execution", "ExecutionDoesNotExist")

    assert executions.stop("name-1", "eve: a jam")
    assert not executions.stop("name-1", "eve: a jam")


def test_a_definition_is_asked_for_once_a_version(
    client: Any, executions: StepFunctionsExecutions, sfn: Stubber
) -> None:
    """AWS allows one such call a second. An emulator without versions is called each time."""
    histories = StepFunctionsHistorySource(executions, client)
    machine = {"stateMachineArn": MACHINE, "name": "Line", "roleArn": "role", "updateDate": WHEN}
    runs = [("1", True), ("1", False), ("2", True), ("", True), ("", True)]
    for version, asks in runs:
        named = {"stateMachineVersionArn": f"{MACHINE}:{version}"} if version else {}
        sfn.add_response("describe_execution", {**described("SUCCEEDED"), **named})
        if asks:
            text = json.dumps({"Comment": version})
            sfn.add_response("describe_state_machine_for_execution", {**machine, "definition": text})
        sfn.add_response("get_execution_history", {"events": []})

    records = [histories.fetch("name-1") for _ in runs]

    assert [record.definition["Comment"] for record in records if record] == ["1", "1", "2", "", ""]
