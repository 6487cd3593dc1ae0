"""The local line's tables, made anew or brought up to date."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from local import resources
from workflow.aws.clients import client
from workflow.tables import LEDGER


@pytest.fixture
def _dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    with mock_aws():
        yield
    client.cache_clear()


@pytest.mark.usefixtures("_dynamodb")
def test_a_table_of_an_older_version_gets_the_indexes_that_it_lacks() -> None:
    resources.create_table(replace(LEDGER, indexes=LEDGER.indexes[:2]))
    client("dynamodb").put_item(TableName=resources.table_name(LEDGER), Item={"id": {"S": "kept"}})

    for _ in range(2):
        resources.create_table(LEDGER)

    told = client("dynamodb").describe_table(TableName=resources.table_name(LEDGER))["Table"]
    assert {index["IndexName"] for index in told["GlobalSecondaryIndexes"]} == {
        index.name for index in LEDGER.indexes
    }
    assert told["ItemCount"] == 1
