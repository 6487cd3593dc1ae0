"""Retries of DynamoDB writes that conflict with a transaction."""

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

MAX_RETRIES = 3


def retry_on_conflict(write: Callable[[], Any]) -> Any:
    """Retry a write that conflicts with a transaction on the same row. The SDK does not retry it."""
    for attempt in range(MAX_RETRIES):
        try:
            return write()
        except ClientError as error:
            if not _is_transaction_conflict(error):
                raise
        time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
    return write()


def _is_transaction_conflict(error: ClientError) -> bool:
    if error.response["Error"]["Code"] == "TransactionConflictException":
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return "TransactionConflict" in reasons and "ConditionalCheckFailed" not in reasons
