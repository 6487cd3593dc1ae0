"""boto3 clients whose requests and responses a test prescribes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.stub import Stubber


@contextmanager
def stubbed(service: str, region: str | None = "eu-central-1") -> Iterator[tuple[Any, Stubber]]:
    """Provide a client and its stubber. Every prescribed response must be used."""
    client = boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()
