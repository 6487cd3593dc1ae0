"""boto3 clients with common retries and timeouts, created once per process."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from workflow.aws.credentials import check_region

MAX_ATTEMPTS = 5
READ_TIMEOUT_SECONDS = 60
USER_AGENT = "partcheck"


@cache
def client(service: str) -> Any:
    """Return the client of a service. Region, credentials and endpoints come from the environment.

    So does the number of attempts at a call, AWS_MAX_ATTEMPTS, which is MAX_ATTEMPTS otherwise, and the time
    to wait for an answer. Functions wait for a fraction of their own timeout, so that a call is repeated.
    """
    attempts = int(os.environ.get("AWS_MAX_ATTEMPTS") or MAX_ATTEMPTS)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=int(os.environ.get("READ_TIMEOUT_SECONDS") or READ_TIMEOUT_SECONDS),
        max_pool_connections=32,
        tcp_keepalive=True,
        user_agent=USER_AGENT,  # botocore would build its own name at each call.
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]


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
