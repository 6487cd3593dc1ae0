"""boto3 clients with one set of retries and timeouts, made once a process."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=32,
    tcp_keepalive=True,
)


@cache
def client(service: str) -> Any:
    """The client of one service; region, credentials and endpoints come from the environment alone."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


def choose(profile: str, region: str) -> None:
    """Let all clients from now on use this profile and region, where they are given."""
    if profile:
        os.environ["AWS_PROFILE"] = profile
    if region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    boto3.setup_default_session()
    client.cache_clear()
