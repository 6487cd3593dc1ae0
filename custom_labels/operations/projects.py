"""Create, describe and delete projects."""

import time
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.database import Row
from custom_labels.errors import ServiceError
from custom_labels.operations.tags import add_tags
from custom_labels.pagination import newest_first_key, paginate

MAX_PROJECTS = 100


def create_project(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ProjectName"]
    if request.get("Feature", "CUSTOM_LABELS") != "CUSTOM_LABELS" or request.get("AutoUpdate") == "ENABLED":
        raise ServiceError(
            "InvalidParameterException", "This service has the feature CUSTOM_LABELS, without AutoUpdate"
        )
    with account.database.transaction():
        if account.database.fetch_one("SELECT 1 FROM project WHERE name = ?", name):
            raise ServiceError("ResourceInUseException", f"A project named {name} already exists")
        if account.database.fetch_count("SELECT count(*) FROM project") >= MAX_PROJECTS:
            raise ServiceError(
                "LimitExceededException", f"An account may have at most {MAX_PROJECTS} projects"
            )
        arn = account.arn_factory.create_project_arn(name)
        account.database.execute(
            "INSERT INTO project VALUES (?, ?, ?, 'CREATED', 'CUSTOM_LABELS', 'DISABLED')",
            arn,
            name,
            time.time(),
        )
        add_tags(account, arn, request.get("Tags", {}))
    return {"ProjectArn": arn}


def describe_projects(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    names = request.get("ProjectNames")
    features = request.get("Features", ["CUSTOM_LABELS"])
    rows = [
        row
        for row in account.database.fetch_all("SELECT * FROM project")
        if (names is None or row["name"] in names) and row["feature"] in features
    ]
    page, more = paginate(rows, lambda row: newest_first_key(row["created"], row["arn"]), request)
    return {"ProjectDescriptions": [_describe(account, row) for row in page], **more}


def delete_project(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Delete a project without models and data sets; AWS refuses others too."""
    arn = request["ProjectArn"]
    with account.database.transaction():
        account.get_project(arn)
        for table, resources in (("version", "models"), ("dataset", "datasets")):
            if account.database.fetch_one(f"SELECT 1 FROM {table} WHERE project = ?", arn):  # noqa: S608
                raise ServiceError(
                    "ResourceInUseException", f"The project still has {resources}; delete them first"
                )
        account.database.execute("DELETE FROM project WHERE arn = ?", arn)
        account.database.execute("DELETE FROM tag WHERE arn = ?", arn)
    return {"Status": "DELETING"}


def _describe(account: CustomLabelsAccount, row: Row) -> dict[str, Any]:
    datasets = account.database.fetch_all(
        "SELECT * FROM dataset WHERE project = ? ORDER BY kind DESC", row["arn"]
    )
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
