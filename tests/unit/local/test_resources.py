"""The tables of the local environment: creation and update."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from local import resources
from workflow.aws.clients import client
from workflow.tables import INSPECTIONS


@pytest.fixture
def _dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    with mock_aws():
        yield
    client.cache_clear()


@pytest.mark.usefixtures("_dynamodb")
def test_a_table_of_an_older_version_gets_its_missing_indexes() -> None:
    resources.create_table(replace(INSPECTIONS, indexes=INSPECTIONS.indexes[:2]))
    client("dynamodb").put_item(TableName=resources.table_name(INSPECTIONS), Item={"id": {"S": "kept"}})

    for _ in range(2):
        resources.create_table(INSPECTIONS)

    table = client("dynamodb").describe_table(TableName=resources.table_name(INSPECTIONS))["Table"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {
        index.name for index in INSPECTIONS.indexes
    }
    assert table["ItemCount"] == 1
