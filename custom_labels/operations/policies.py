"""Put, list and delete project policies; the local service stores them and does not enforce them."""

import json
import secrets
import time
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.database import Row
from custom_labels.errors import ServiceError
from custom_labels.pagination import paginate

MAX_POLICIES = 5


def put_policy(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Create a policy, or replace one if the request has its current revision."""
    project, name = request["ProjectArn"], request["PolicyName"]
    _check_document(request["PolicyDocument"])
    now, revision = time.time(), secrets.token_hex(16)
    with account.database.transaction():
        account.get_project(project)
        existing = _find_policy(account, project, name)
        if existing is None and _count_policies(account, project) >= MAX_POLICIES:
            raise ServiceError(
                "ServiceQuotaExceededException", f"A project may have at most {MAX_POLICIES} policies"
            )
        if existing is not None and "PolicyRevisionId" not in request:
            raise ServiceError(
                "ResourceAlreadyExistsException", f"The project already has a policy named {name}"
            )
        _check_revision(existing, request)
        created = existing["created"] if existing else now
        row = (project, name, revision, request["PolicyDocument"], created, now)
        account.database.execute("INSERT OR REPLACE INTO policy VALUES (?, ?, ?, ?, ?, ?)", *row)
    return {"PolicyRevisionId": revision}


def list_policies(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    account.get_project(request["ProjectArn"])
    rows = account.database.fetch_all("SELECT * FROM policy WHERE project = ?", request["ProjectArn"])
    page, more = paginate(rows, lambda row: str(row["name"]), request, default=MAX_POLICIES)
    return {
        "ProjectPolicies": [
            {
                "ProjectArn": row["project"],
                "PolicyName": row["name"],
                "PolicyRevisionId": row["revision"],
                "PolicyDocument": row["document"],
                "CreationTimestamp": row["created"],
                "LastUpdatedTimestamp": row["updated"],
            }
            for row in page
        ],
        **more,
    }


def delete_policy(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    project, name = request["ProjectArn"], request["PolicyName"]
    with account.database.transaction():
        account.get_project(project)
        existing = _find_policy(account, project, name)
        if existing is None:
            raise ServiceError("ResourceNotFoundException", f"The project has no policy named {name}")
        _check_revision(existing, request)
        account.database.execute("DELETE FROM policy WHERE project = ? AND name = ?", project, name)
    return {}


def _check_document(document: str) -> None:
    try:
        has_statement = "Statement" in json.loads(document)
    except (ValueError, TypeError) as error:
        raise ServiceError("MalformedPolicyDocumentException", "The policy is not JSON") from error
    if not has_statement:
        raise ServiceError("MalformedPolicyDocumentException", "The policy has no Statement")


def _check_revision(existing: Row | None, request: dict[str, Any]) -> None:
    revision = request.get("PolicyRevisionId")
    if revision is not None and (existing is None or existing["revision"] != revision):
        raise ServiceError("InvalidPolicyRevisionIdException", "The revision is not the present one")


def _find_policy(account: CustomLabelsAccount, project: str, name: str) -> Row | None:
    return account.database.fetch_one("SELECT * FROM policy WHERE project = ? AND name = ?", project, name)


def _count_policies(account: CustomLabelsAccount, project: str) -> int:
    return account.database.fetch_count("SELECT count(*) FROM policy WHERE project = ?", project)
