"""Conditional writes on DynamoDB: updates on a condition, alone or with an audit entry."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.conflict_retry import retry_on_conflict
from workflow.aws.items import to_attribute_values, to_audit_item
from workflow.errors import Conflict
from workflow.inspections.inspection import AuditEntry

NO_OTHER_LEASE = (
    "(attribute_not_exists(#lease) OR #lease = :null OR #lease.#reviewer = :reviewer"
    " OR #lease.#expires_at <= :now)"
)
LEASE_NAMES = {"#lease": "lease", "#reviewer": "reviewer", "#expires_at": "expires_at"}


def conditional_update(
    table: str,
    inspection_id: str,
    *,
    expression: str,
    condition: str,
    names: Mapping[str, str],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """Build the request that updates one inspection if a condition holds."""
    return {
        "TableName": table,
        "Key": to_attribute_values({"id": inspection_id}),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": dict(names),
        "ExpressionAttributeValues": to_attribute_values(values),
    }


def write_with_audit(dynamodb: Any, change: dict[str, Any], audit_table: str, entry: AuditEntry) -> None:
    """Update an inspection and add its audit entry in one transaction.

    Raise Conflict if the condition of the update fails.
    """
    put = {"TableName": audit_table, "Item": to_audit_item(entry)}
    items = [{"Update": change}, {"Put": put}]
    write = partial(retry_on_conflict, lambda: dynamodb.transact_write_items(TransactItems=items))
    if try_write(write) is None:
        raise Conflict(f"inspection {entry.inspection_id}: it changed meanwhile")


def try_write(write: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Make a conditional write. Return the answer, or None if the condition failed."""
    try:
        return write()
    except ClientError as error:
        if _is_condition_failure(error):
            return None
        raise


def _is_condition_failure(error: ClientError) -> bool:
    """Return True if a condition failed. Throttling and other writers cancel transactions, too."""
    if error.response["Error"]["Code"] == "TransactionCanceledException":
        reasons = error.response.get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
