"""Tags on projects, data sets, models."""

from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault

MOST_TAGS = 50


def tag(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    with account.store.transaction():
        _insist(account, request["ResourceArn"])
        attach(account, request["ResourceArn"], request["Tags"], "ServiceQuotaExceededException")
    return {}


def untag(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    with account.store.transaction():
        _insist(account, request["ResourceArn"])
        for key in request["TagKeys"]:
            account.store.run("DELETE FROM tag WHERE arn = ? AND key = ?", request["ResourceArn"], key)
    return {}


def show(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    _insist(account, request["ResourceArn"])
    rows = account.store.rows("SELECT key, value FROM tag WHERE arn = ? ORDER BY key", request["ResourceArn"])
    return {"Tags": {row["key"]: row["value"] for row in rows}}


def attach(
    account: Account, arn: str, tags: dict[str, str], too_many: str = "LimitExceededException"
) -> None:
    """Inside the caller's transaction, so that no resource exists without the tags it was created with."""
    account.store.run_many(
        "INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", [(arn, *pair) for pair in tags.items()]
    )
    if account.store.count("SELECT count(*) FROM tag WHERE arn = ?", arn) > MOST_TAGS:
        raise Fault(too_many, f"A resource may have at most {MOST_TAGS} tags")


def _insist(account: Account, arn: str) -> None:
    if not account.has(arn):
        raise Fault("ResourceNotFoundException", f"The resource {arn} does not exist")
