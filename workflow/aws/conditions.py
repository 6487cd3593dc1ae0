"""Conditional writes on DynamoDB: a change with its audit entry, and how a refusal is told from a fault."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.items import audit_item, values
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditEntry

PATIENCE = 3
UNLEASED = (
    "(attribute_not_exists(#lease) OR #lease = :null OR #lease.#reviewer = :who OR #lease.#until <= :now)"
)
LEASE_NAMES = {"#lease": "lease", "#reviewer": "reviewer", "#until": "until"}


def update(
    table: str,
    inspection_id: str,
    expression: str,
    condition: str,
    names: Mapping[str, str],
    plain: Mapping[str, Any],
) -> dict[str, Any]:
    """The request that changes one row of the ledger on a condition."""
    return {
        "TableName": table,
        "Key": values({"id": inspection_id}),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": dict(names),
        "ExpressionAttributeValues": values(plain),
    }


def audited(dynamodb: Any, change: dict[str, Any], audit_table: str, entry: AuditEntry) -> None:
    """Make a change of the ledger and its audit entry in one transaction; Conflict if the row is not so."""
    put = {"TableName": audit_table, "Item": audit_item(entry)}
    try:
        patiently(lambda: dynamodb.transact_write_items(TransactItems=[{"Update": change}, {"Put": put}]))
    except ClientError as error:
        if refused(error):
            raise Conflict(f"inspection {entry.inspection_id}: it changed meanwhile") from error
        raise


def patiently(write: Callable[[], Any]) -> Any:
    """Write again what met a transaction on the same row, which the SDK leaves to its caller."""
    for attempt in range(PATIENCE):
        try:
            return write()
        except ClientError as error:
            if not _collided(error):
                raise
        time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
    return write()


def _collided(error: ClientError) -> bool:
    if error.response["Error"]["Code"] == "TransactionConflictException":
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return "TransactionConflict" in reasons and "ConditionalCheckFailed" not in reasons


def refused(error: ClientError) -> bool:
    """Whether a condition failed; a transaction is also cancelled by throttling and by other writers."""
    if error.response["Error"]["Code"] == "TransactionCanceledException":
        reasons = error.response.get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
