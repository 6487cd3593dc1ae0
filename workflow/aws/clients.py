"""boto3 clients with common retries and timeouts, created once per process."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from workflow.aws.credentials import check_region

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=32,
    tcp_keepalive=True,
)


@cache
def client(service: str) -> Any:
    """Return the client of a service. Region, credentials and endpoints come from the environment."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


def configure(profile: str, region: str) -> None:
    """Make all later clients use this profile and this region. Empty values change nothing.

    Raise ConfigurationError if the SDK knows no such region.
    """
    if profile:
        os.environ["AWS_PROFILE"] = profile
    if region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    boto3.setup_default_session()
    check_region()
    client.cache_clear()
