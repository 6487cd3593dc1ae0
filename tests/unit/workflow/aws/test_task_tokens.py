"""Task tokens are stored, listed and removed by attempt."""

import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import resources
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.task_tokens import DynamoTaskTokenStore
from workflow.tables import TASK_TOKENS

ID = {"inspection_id": {"S": "i1"}}


def test_tokens_are_read_consistently() -> None:
    with stubbed("dynamodb") as (client, stub):
        expected_request = {"TableName": "tokens", "Key": ID, "ConsistentRead": True}
        stub.add_response(
            "get_item", {"Item": {**ID, "tokens": {"SS": ["1.5 t1", "2.5 t2"]}}}, expected_request
        )
        stub.add_response("get_item", {"Item": ID}, expected_request)
        stub.add_response("get_item", {}, expected_request)
        tokens = DynamoTaskTokenStore("tokens", client)

        assert [tokens.list_tokens("i1"), tokens.list_tokens("i1"), tokens.list_tokens("i1")] == [
            ["t2", "t1"],
            [],
            [],
        ]


def test_tokens_are_added_and_removed_on_dynamodb(tables: Any) -> None:
    table = resources.table_name(TASK_TOKENS)
    tokens = DynamoTaskTokenStore(table, tables, itertools.count(1000).__next__)

    tokens.remove("i1", "never there")
    for token in ("t1", "t2", "t1"):
        tokens.put("i1", token, 1)
    tokens.remove("i1", "t1")
    assert tokens.list_tokens("i1") == ["t2"]

    for token, attempt in (("t3", 2), ("t4", 2), ("late", 1)):
        tokens.put("i1", token, attempt)
    assert tokens.list_tokens("i1") == ["t4", "t3"]
    item = tables.get_item(TableName=table, Key=ID)["Item"]
    assert int(item["expires_at"]["N"]) - 1000 >= 366 * 24 * 3600, "as long as an execution may live"
    for token in ("t3", "t4"):
        tokens.remove("i1", token)
    assert tokens.list_tokens("i1") == []


def test_two_concurrent_requests_of_a_new_attempt_both_keep_their_tokens(tables: Any) -> None:
    table = resources.table_name(TASK_TOKENS)
    DynamoTaskTokenStore(table, tables).put("i1", "old", 1)

    class Meeting(DynamoTaskTokenStore):
        def _replace(self, inspection_id: str, token: str, attempt: dict[str, str]) -> None:
            DynamoTaskTokenStore(table, tables).put("i1", "the other's", 2)
            super()._replace(inspection_id, token, attempt)

    Meeting(table, tables).put("i1", "one's own", 2)

    assert set(DynamoTaskTokenStore(table, tables).list_tokens("i1")) == {"one's own", "the other's"}


def test_a_failed_removal_of_a_token_is_an_error() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_response("get_item", {"Item": {**ID, "tokens": {"SS": ["1.5 t1"]}}})
        stub.add_client_error("update_item", "AccessDeniedException")

        with pytest.raises(ClientError):
            DynamoTaskTokenStore("tokens", client).remove("i1", "t1")
