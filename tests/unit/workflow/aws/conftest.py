"""An in-memory AWS with the declared tables."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import resources
from workflow.aws.clients import client


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Provide a DynamoDB client with every table."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    client.cache_clear()
    with mock_aws():
        resources.create_tables()
        yield boto3.client("dynamodb")
    client.cache_clear()
