"""Tokens, queues, parameters and clients: small adapters with exact requests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from workflow.aws import clients
from workflow.aws.parameters import Parameters
from workflow.aws.queues import SqsQueue
from workflow.aws.tokens import DynamoTokens
from workflow.errors import ConfigurationError

ID = {"inspection_id": {"S": "i1"}}
REMOVAL = {
    "TableName": "tokens",
    "Key": ID,
    "ConditionExpression": "#token = :token",
    "ExpressionAttributeNames": {"#token": "token"},
    "ExpressionAttributeValues": {":token": {"S": "t1"}},
}


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


def test_a_token_is_kept_as_long_as_an_execution_may_live_and_read_consistently() -> None:
    with stubbed("dynamodb") as (client, stub):
        item = {**ID, "token": {"S": "t1"}, "attempt": {"N": "2"}, "expires_at": {"N": "31623400"}}
        put = {
            "TableName": "tokens",
            "Item": item,
            "ConditionExpression": "attribute_not_exists(inspection_id) OR attempt <= :attempt",
            "ExpressionAttributeValues": {":attempt": {"N": "2"}},
        }
        stub.add_response("put_item", {}, put)
        stub.add_client_error("put_item", "ConditionalCheckFailedException", expected_params=put)
        asked = {"TableName": "tokens", "Key": ID, "ConsistentRead": True}
        stub.add_response("get_item", {"Item": item}, asked)
        stub.add_response("get_item", {}, asked)
        tokens = DynamoTokens("tokens", client, lambda: 1000.5)

        tokens.put("i1", "t1", 2)
        tokens.put("i1", "t1", 2)

        assert [tokens.get("i1"), tokens.get("i1")] == ["t1", None]


def test_a_token_is_removed_only_if_no_newer_one_took_its_place() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_response("delete_item", {}, REMOVAL)
        stub.add_client_error("delete_item", "ConditionalCheckFailedException", expected_params=REMOVAL)
        tokens = DynamoTokens("tokens", client)

        tokens.remove("i1", "t1")
        tokens.remove("i1", "t1")


def test_a_token_that_could_not_be_removed_is_a_fault() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_client_error("delete_item", "AccessDeniedException")

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
