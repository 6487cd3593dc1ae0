"""boto3 clients with one set of retries and timeouts, made once a process."""

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
