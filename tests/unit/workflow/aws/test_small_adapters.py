"""Tokens, queues, parameters and clients: small adapters with exact requests."""

import io
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local import resources
from workflow.aws import clients
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.inbox import S3Inbox
from workflow.aws.logs import CloudWatchLogs, InvokedLogs, groups
from workflow.aws.parameters import Parameters
from workflow.aws.queues import SqsQueue
from workflow.aws.tokens import DynamoTokens
from workflow.errors import ConfigurationError, NotUploaded
from workflow.history.logs import EXPIRED, NOT_NOW, LogLine, LogLines
from workflow.inspections.objects import Image
from workflow.tables import TOKENS

ID = {"inspection_id": {"S": "i1"}}


@contextmanager
def stubbed(service: str) -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        service,  # type: ignore[call-overload]
        region_name="eu-central-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_a_photo_becomes_a_version_of_the_inbound_bucket_or_the_reason_is_told() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("put_object", {"VersionId": "v1"}, {"Bucket": "in", "Key": "a.jpg", "Body": b"x"})
        stub.add_client_error("put_object", "AccessDenied", "Not allowed.")
        inbox = S3Inbox("in", client)

        assert inbox.put("a.jpg", b"x") == Image("in", "a.jpg", "v1")
        with pytest.raises(NotUploaded, match=r"AccessDenied.*Not allowed$"):
            inbox.put("a.jpg", b"x")


def test_an_inbox_that_nobody_answers_for_is_told_as_a_reason() -> None:
    class Silent:
        def put_object(self, **_asked: object) -> None:
            raise EndpointConnectionError(endpoint_url="http://nowhere")

    with pytest.raises(NotUploaded, match="http://nowhere"):
        S3Inbox("in", Silent()).put("a.jpg", b"x")


def test_tokens_are_read_consistently() -> None:
    with stubbed("dynamodb") as (client, stub):
        asked = {"TableName": "tokens", "Key": ID, "ConsistentRead": True}
        stub.add_response("get_item", {"Item": {**ID, "tokens": {"SS": ["1.5 t1", "2.5 t2"]}}}, asked)
        stub.add_response("get_item", {"Item": ID}, asked)
        stub.add_response("get_item", {}, asked)
        tokens = DynamoTokens("tokens", client)

        assert [tokens.of("i1"), tokens.of("i1"), tokens.of("i1")] == [["t2", "t1"], [], []]


def test_tokens_come_and_go_on_dynamodb(tables: Any) -> None:
    table = resources.table_name(TOKENS)
    tokens = DynamoTokens(table, tables, itertools.count(1000).__next__)

    tokens.remove("i1", "never there")
    for token in ("t1", "t2", "t1"):
        tokens.put("i1", token, 1)
    tokens.remove("i1", "t1")
    assert tokens.of("i1") == ["t2"]

    for token, attempt in (("t3", 2), ("t4", 2), ("late", 1)):
        tokens.put("i1", token, attempt)
    assert tokens.of("i1") == ["t4", "t3"]
    item = tables.get_item(TableName=table, Key=ID)["Item"]
    assert int(item["expires_at"]["N"]) - 1000 >= 366 * 24 * 3600, "as long as an execution may live"
    for token in ("t3", "t4"):
        tokens.remove("i1", token)
    assert tokens.of("i1") == []


def test_two_asks_of_a_new_attempt_that_meet_both_keep_their_tokens(tables: Any) -> None:
    table = resources.table_name(TOKENS)
    DynamoTokens(table, tables).put("i1", "old", 1)

    class Meeting(DynamoTokens):
        def _replace(self, inspection_id: str, token: str, attempt: dict[str, str]) -> None:
            DynamoTokens(table, tables).put("i1", "the other's", 2)
            super()._replace(inspection_id, token, attempt)

    Meeting(table, tables).put("i1", "one's own", 2)

    assert set(DynamoTokens(table, tables).of("i1")) == {"one's own", "the other's"}


def test_a_token_that_could_not_be_removed_is_a_fault() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_response("get_item", {"Item": {**ID, "tokens": {"SS": ["1.5 t1"]}}})
        stub.add_client_error("update_item", "AccessDeniedException")

        with pytest.raises(ClientError):
            DynamoTokens("tokens", client).remove("i1", "t1")


@pytest.mark.parametrize("delay", [0, 30])
def test_a_message_is_sent_with_its_delay(delay: int) -> None:
    with stubbed("sqs") as (client, stub):
        expected = {"QueueUrl": "https://queue", "MessageBody": "text", "DelaySeconds": delay}
        stub.add_response("send_message", {}, expected)

        SqsQueue("https://queue", client).send("text", delay)


def parameter(value: str) -> dict[str, Any]:
    return {"Parameter": {"Name": "/line/policy", "Type": "String", "Value": value}}


def test_a_parameter_is_read_once_within_its_age() -> None:
    with stubbed("ssm") as (client, stub):
        stub.add_response(
            "get_parameter", parameter("arn:model"), {"Name": "/line/policy", "WithDecryption": False}
        )
        parameters = Parameters(client, max_age=60)

        assert [parameters.text("/line/policy"), parameters.text("/line/policy")] == ["arn:model"] * 2


def test_the_routing_policy_is_parsed_and_refused_by_name() -> None:
    labels = {"ok": {"verdict": "ok", "threshold": 0.9}}
    with stubbed("ssm") as (client, stub):
        stub.add_response("get_parameter", parameter(json.dumps({"version": "1", "labels": labels})))
        assert Parameters(client).routing_policy("/line/policy").version == "1"
        stub.add_response("get_parameter", parameter("{}"))
        with pytest.raises(ConfigurationError, match="'version'"):
            Parameters(client).routing_policy("/line/policy")


def test_a_client_is_made_once_and_retries_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    clients.client.cache_clear()

    client = clients.client("sqs")

    assert clients.client("sqs") is client
    clients.client.cache_clear()
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 5}
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (5, 60)


GROUP = {"logGroupName": "the-log", "filterPattern": '"i1"', "startTime": 1767225600000}


class Claimed(StepFunctionsExecutions):
    """Executions whose history is one step that called a function."""

    def __init__(self) -> None:
        super().__init__("arn:aws:states:eu-central-1:1:stateMachine:parts", object())

    def history(self, name: str) -> list[dict[str, Any]]:
        at = ["2026-01-01T00:00:02+00:00", "2026-01-01T00:00:03+00:00"]
        called = {"resource": "arn:aws:lambda:eu-central-1:1:function:claim"}
        return [
            {"id": 1, "type": "TaskStateEntered", "timestamp": at[0], "xEventDetails": {"name": "Claim"}},
            {"id": 2, "type": "LambdaFunctionScheduled", "timestamp": at[1], "xEventDetails": called},
        ]


def test_log_lines_are_searched_in_the_functions_own_group_page_by_page() -> None:
    with stubbed("logs") as (client, stub):
        asked = GROUP | {"endTime": 1767225600000 + 65_000}
        line = {"timestamp": 1767225603500, "message": "claimed i1\n"}
        stub.add_response("filter_log_events", {"events": [], "nextToken": "t"}, asked)
        stub.add_response("filter_log_events", {"events": [line]}, asked | {"nextToken": "t"})

        told = CloudWatchLogs(Claimed(), groups("other=no,claim=the-log"), client).of("i1-1", 1)

    assert [(one.at[:23], one.text) for one in told.lines] == [("2026-01-01T00:00:03.500", "claimed i1")]


def test_a_log_group_that_is_gone_or_unknown_is_one_sentence_and_any_other_fault_is_raised() -> None:
    with stubbed("logs") as (client, stub):
        stub.add_client_error("filter_log_events", "ResourceNotFoundException")
        stub.add_client_error("filter_log_events", "AccessDeniedException")
        told = CloudWatchLogs(Claimed(), {"claim": "the-log"}, client)

        assert told.of("i1-1", 1) == LogLines(why_none=EXPIRED)
        with pytest.raises(ClientError, match="AccessDenied"):
            told.of("i1-1", 1)
        assert CloudWatchLogs(Claimed(), groups(""), client).of("i1-1", 1) == LogLines(why_none=EXPIRED)


def test_who_may_not_read_logs_asks_a_function_and_its_failure_is_one_sentence() -> None:
    told = LogLines((LogLine("2026-01-01", "INFO", "claimed", "{}"),), True)
    with stubbed("lambda") as (client, stub):
        asked = {"FunctionName": "read-history", "Payload": b'{"execution": "i1-1", "step": 2}'}
        for answer in ({"Payload": asdict(told)}, {"Payload": {}, "FunctionError": "Unhandled"}):
            content = json.dumps(answer["Payload"]).encode()
            payload = StreamingBody(io.BytesIO(content), len(content))
            stub.add_response("invoke", {**answer, "Payload": payload}, asked)
        logs = InvokedLogs("read-history", client)

        assert logs.of("i1-1", 2) == told
        assert logs.of("i1-1", 2) == LogLines(why_none=NOT_NOW)
