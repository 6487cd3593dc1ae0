"""Tag projects, data sets and model versions."""

from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.errors import ServiceError

MAX_TAGS = 50


def tag_resource(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    with account.database.transaction():
        _check_exists(account, request["ResourceArn"])
        add_tags(account, request["ResourceArn"], request["Tags"], "ServiceQuotaExceededException")
    return {}


def untag_resource(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ResourceArn"]
    with account.database.transaction():
        _check_exists(account, arn)
        for key in request["TagKeys"]:
            account.database.execute("DELETE FROM tag WHERE arn = ? AND key = ?", arn, key)
    return {}


def list_tags(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ResourceArn"]
    _check_exists(account, arn)
    rows = account.database.fetch_all("SELECT key, value FROM tag WHERE arn = ? ORDER BY key", arn)
    return {"Tags": {row["key"]: row["value"] for row in rows}}


def add_tags(
    account: CustomLabelsAccount, arn: str, tags: dict[str, str], too_many: str = "LimitExceededException"
) -> None:
    """Add tags within the caller's transaction: no resource exists without the tags of its creation.

    Raise ServiceError with the code `too_many` if the resource would have too many tags.
    """
    account.database.execute_many(
        "INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", [(arn, *pair) for pair in tags.items()]
    )
    if account.database.fetch_count("SELECT count(*) FROM tag WHERE arn = ?", arn) > MAX_TAGS:
        raise ServiceError(too_many, f"A resource may have at most {MAX_TAGS} tags")


def _check_exists(account: CustomLabelsAccount, arn: str) -> None:
    if not account.resource_exists(arn):
        raise ServiceError("ResourceNotFoundException", f"The resource {arn} does not exist")
