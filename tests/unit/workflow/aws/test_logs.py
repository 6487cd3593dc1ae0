"""Log lines of a step come from CloudWatch Logs or from a function."""

import io
import json
from dataclasses import asdict
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.logs import CloudWatchStepLogs, LambdaStepLogs, parse_log_groups
from workflow.history.logs import EXPIRED, UNAVAILABLE, LogLine, LogLines

GROUP = {"logGroupName": "the-log", "filterPattern": '"i1"', "startTime": 1767225600000}


class Claimed(StepFunctionsExecutions):
    """Executions whose history is one step that called a function."""

    def __init__(self) -> None:
        super().__init__("arn:aws:states:eu-central-1:1:stateMachine:parts", object())

    def get_history(self, name: str) -> list[dict[str, Any]]:
        at = ["2026-01-01T00:00:02+00:00", "2026-01-01T00:00:03+00:00"]
        called = {"resource": "arn:aws:lambda:eu-central-1:1:function:claim"}
        return [
            {"id": 1, "type": "TaskStateEntered", "timestamp": at[0], "xEventDetails": {"name": "Claim"}},
            {"id": 2, "type": "LambdaFunctionScheduled", "timestamp": at[1], "xEventDetails": called},
        ]


def test_log_lines_are_searched_in_the_functions_log_group_page_by_page() -> None:
    with stubbed("logs") as (client, stub):
        expected_request = GROUP | {"endTime": 1767225600000 + 65_000}
        line = {"timestamp": 1767225603500, "message": "claimed i1\n"}
        stub.add_response("filter_log_events", {"events": [], "nextToken": "t"}, expected_request)
        stub.add_response("filter_log_events", {"events": [line]}, expected_request | {"nextToken": "t"})

        log = CloudWatchStepLogs(Claimed(), parse_log_groups("other=no,claim=the-log"), client).fetch(
            "i1-1", 1
        )

    assert [(log_line.at[:23], log_line.text) for log_line in log.lines] == [
        ("2026-01-01T00:00:03.500", "claimed i1")
    ]


def test_a_missing_log_group_gives_a_reason_and_other_errors_are_raised() -> None:
    with stubbed("logs") as (client, stub):
        stub.add_client_error("filter_log_events", "ResourceNotFoundException")
        stub.add_client_error("filter_log_events", "AccessDeniedException")
        step_logs = CloudWatchStepLogs(Claimed(), {"claim": "the-log"}, client)

        assert step_logs.fetch("i1-1", 1) == LogLines(empty_reason=EXPIRED)
        with pytest.raises(ClientError, match="AccessDenied"):
            step_logs.fetch("i1-1", 1)
        assert CloudWatchStepLogs(Claimed(), parse_log_groups(""), client).fetch("i1-1", 1) == LogLines(
            empty_reason=EXPIRED
        )


def test_a_function_provides_log_lines_and_its_failure_gives_a_reason() -> None:
    log = LogLines((LogLine(at="2026-01-01", level="INFO", message="claimed", text="{}"),), True)
    with stubbed("lambda") as (client, stub):
        expected_request = {"FunctionName": "read-history", "Payload": b'{"execution": "i1-1", "step": 2}'}
        for answer in ({"Payload": asdict(log)}, {"Payload": {}, "FunctionError": "Unhandled"}):
            content = json.dumps(answer["Payload"]).encode()
            payload = StreamingBody(io.BytesIO(content), len(content))
            stub.add_response("invoke", {**answer, "Payload": payload}, expected_request)
        logs = LambdaStepLogs("read-history", client)

        assert logs.fetch("i1-1", 2) == log
        assert logs.fetch("i1-1", 2) == LogLines(empty_reason=UNAVAILABLE)
