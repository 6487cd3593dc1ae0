"""Projects: created, described, deleted once empty."""

import time
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault
from local.custom_labels.operations.tags import attach
from local.custom_labels.paging import newest_first, paged
from local.custom_labels.store import Row

MOST_PROJECTS = 100


def create(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ProjectName"]
    if request.get("Feature", "CUSTOM_LABELS") != "CUSTOM_LABELS" or request.get("AutoUpdate") == "ENABLED":
        raise Fault(
            "InvalidParameterException", "This service has the feature CUSTOM_LABELS, without AutoUpdate"
        )
    with account.store.transaction():
        if account.store.row("SELECT 1 FROM project WHERE name = ?", name):
            raise Fault("ResourceInUseException", f"A project named {name} already exists")
        if account.store.count("SELECT count(*) FROM project") >= MOST_PROJECTS:
            raise Fault("LimitExceededException", f"An account may have at most {MOST_PROJECTS} projects")
        arn = account.namer.project(name)
        account.store.run(
            "INSERT INTO project VALUES (?, ?, ?, 'CREATED', 'CUSTOM_LABELS', 'DISABLED')",
            arn,
            name,
            time.time(),
        )
        attach(account, arn, request.get("Tags", {}))
    return {"ProjectArn": arn}


def describe(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    names = request.get("ProjectNames")
    features = request.get("Features", ["CUSTOM_LABELS"])
    rows = [
        row
        for row in account.store.rows("SELECT * FROM project")
        if (names is None or row["name"] in names) and row["feature"] in features
    ]
    shown, more = paged(rows, lambda row: newest_first(row["created"], row["arn"]), request)
    return {"ProjectDescriptions": [_description(account, row) for row in shown], **more}


def delete(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Only when its models and data sets are gone, as on AWS."""
    arn = request["ProjectArn"]
    with account.store.transaction():
        account.project(arn)
        for table, what in (("version", "models"), ("dataset", "datasets")):
            if account.store.row(f"SELECT 1 FROM {table} WHERE project = ?", arn):  # noqa: S608
                raise Fault("ResourceInUseException", f"The project still has {what}; delete them first")
        account.store.run("DELETE FROM project WHERE arn = ?", arn)
        account.store.run("DELETE FROM tag WHERE arn = ?", arn)
    return {"Status": "DELETING"}


def _description(account: Account, row: Row) -> dict[str, Any]:
    datasets = account.store.rows("SELECT * FROM dataset WHERE project = ? ORDER BY kind DESC", row["arn"])
    return {
        "ProjectArn": row["arn"],
        "CreationTimestamp": row["created"],
        "Status": row["status"],
        "Feature": row["feature"],
        "AutoUpdate": row["auto_update"],
        "Datasets": [
            {
                "CreationTimestamp": dataset["created"],
                "DatasetType": dataset["kind"],
                "DatasetArn": dataset["arn"],
                "Status": dataset["status"],
                "StatusMessage": dataset["message"],
                "StatusMessageCode": dataset["code"],
            }
            for dataset in datasets
        ],
    }
