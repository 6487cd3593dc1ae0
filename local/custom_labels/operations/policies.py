"""Project policies: kept, listed, revised, deleted; on one machine nobody else is there to be let in."""

import json
import secrets
import time
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault
from local.custom_labels.paging import paged
from local.custom_labels.store import Row

MOST_POLICIES = 5


def put(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """A new policy needs no revision; an existing one is only changed by who names the present revision."""
    project, name = request["ProjectArn"], request["PolicyName"]
    _insist_on_sense(request["PolicyDocument"])
    now, revision = time.time(), secrets.token_hex(16)
    with account.store.transaction():
        account.project(project)
        present = _policy(account, project, name)
        if present is None and _count(account, project) >= MOST_POLICIES:
            raise Fault(
                "ServiceQuotaExceededException", f"A project may have at most {MOST_POLICIES} policies"
            )
        if present is not None and "PolicyRevisionId" not in request:
            raise Fault("ResourceAlreadyExistsException", f"The project already has a policy named {name}")
        _insist_on_revision(present, request)
        created = present["created"] if present else now
        row = (project, name, revision, request["PolicyDocument"], created, now)
        account.store.run("INSERT OR REPLACE INTO policy VALUES (?, ?, ?, ?, ?, ?)", *row)
    return {"PolicyRevisionId": revision}


def show(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    account.project(request["ProjectArn"])
    rows = account.store.rows("SELECT * FROM policy WHERE project = ?", request["ProjectArn"])
    shown, more = paged(rows, lambda row: str(row["name"]), request, default=MOST_POLICIES)
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
            for row in shown
        ],
        **more,
    }


def delete(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    project, name = request["ProjectArn"], request["PolicyName"]
    with account.store.transaction():
        account.project(project)
        present = _policy(account, project, name)
        if present is None:
            raise Fault("ResourceNotFoundException", f"The project has no policy named {name}")
        _insist_on_revision(present, request)
        account.store.run("DELETE FROM policy WHERE project = ? AND name = ?", project, name)
    return {}


def _insist_on_sense(document: str) -> None:
    try:
        sensible = "Statement" in json.loads(document)
    except (ValueError, TypeError) as error:
        raise Fault("MalformedPolicyDocumentException", "The policy is not JSON") from error
    if not sensible:
        raise Fault("MalformedPolicyDocumentException", "The policy has no Statement")


def _insist_on_revision(present: Row | None, request: dict[str, Any]) -> None:
    wanted = request.get("PolicyRevisionId")
    if wanted is not None and (present is None or present["revision"] != wanted):
        raise Fault("InvalidPolicyRevisionIdException", "The revision is not the present one")


def _policy(account: Account, project: str, name: str) -> Row | None:
    return account.store.row("SELECT * FROM policy WHERE project = ? AND name = ?", project, name)


def _count(account: Account, project: str) -> int:
    return account.store.count("SELECT count(*) FROM policy WHERE project = ?", project)
