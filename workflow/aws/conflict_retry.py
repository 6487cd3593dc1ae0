"""Retries of writes that meet another writer: a transaction of DynamoDB, or a conditional copy of S3."""

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

MAX_RETRIES = 3


def retry_on_conflict(write: Callable[[], Any]) -> Any:
    """Retry a write that conflicts with another one on the same row or key. The SDK does not retry it."""
    for attempt in range(MAX_RETRIES):
        try:
            return write()
        except ClientError as error:
            if not _is_conflict(error):
                raise
        time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
    return write()


def _is_conflict(error: ClientError) -> bool:
    if error.response["Error"]["Code"] in ("TransactionConflictException", "ConditionalRequestConflict"):
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return "TransactionConflict" in reasons and "ConditionalCheckFailed" not in reasons
