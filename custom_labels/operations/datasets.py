"""Create, describe, distribute and delete data sets."""

from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.dataset_repository import select_valid_entries
from custom_labels.errors import ServiceError
from custom_labels.manifest import ManifestEntry
from custom_labels.manifest_rules import MAX_MANIFEST_BYTES, UNREADABLE_MANIFEST
from custom_labels.operations.tags import add_tags
from custom_labels.s3_storage import parse_s3_object


def create_dataset(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Create a data set before the response: a crash leaves the complete data set or none."""
    project, kind = request["ProjectArn"], request["DatasetType"]
    account.get_project(project)
    entries, problem = _read_source(account, request.get("DatasetSource", {}))
    with account.database.transaction():
        account.get_project(project)
        if account.datasets.find_by_project(project, kind):
            raise ServiceError("ResourceAlreadyExistsException", f"The project already has a {kind} dataset")
        arn = account.arn_factory.create_dataset_arn(project, kind)
        account.datasets.add(arn, project, kind, problem)
        account.datasets.upsert_entries(arn, entries)
        add_tags(account, arn, request.get("Tags", {}))
    return {"DatasetArn": arn}


def _read_source(
    account: CustomLabelsAccount, source: dict[str, Any]
) -> tuple[list[ManifestEntry], str | None]:
    """Return the entries of a manifest or of another data set, and an error name or None."""
    if len(source) > 1:
        raise ServiceError(
            "InvalidParameterException", "DatasetSource takes one of GroundTruthManifest and DatasetArn"
        )
    if "DatasetArn" in source:
        account.datasets.get(source["DatasetArn"])
        return account.datasets.list_entries(source["DatasetArn"]), None
    if "GroundTruthManifest" not in source:
        return [], None
    location = parse_s3_object(source["GroundTruthManifest"].get("S3Object", {}))
    try:
        text = account.storage.read(location, MAX_MANIFEST_BYTES).decode("utf-8-sig")
        return select_valid_entries(text.split("\n"))
    except UnicodeDecodeError:
        return [], UNREADABLE_MANIFEST
    except ServiceError as error:
        if error.code == "ImageTooLargeException":
            return [], "ERROR_MANIFEST_SIZE_TOO_LARGE"
        raise


def describe_dataset(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["DatasetArn"]
    row = account.datasets.get(arn)
    count = "SELECT count(*) FROM entry WHERE dataset = ?"
    return {
        "DatasetDescription": {
            "CreationTimestamp": row["created"],
            "LastUpdatedTimestamp": row["updated"],
            "Status": row["status"],
            "StatusMessage": row["message"],
            "StatusMessageCode": row["code"],
            "DatasetStats": {
                "LabeledEntries": account.database.fetch_count(f"{count} AND labels != '[]'", arn),
                "TotalEntries": account.database.fetch_count(count, arn),
                "TotalLabels": len(account.datasets.count_labels(arn)),
                "ErrorEntries": account.database.fetch_count(f"{count} AND errors != '[]'", arn),
            },
        }
    }


def distribute_entries(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Move a fifth of the training set into the empty test set of the same project."""
    with account.database.transaction():
        rows = [account.datasets.get(dataset["Arn"]) for dataset in request["Datasets"]]
        by_kind = {row["kind"]: row["arn"] for row in rows}
        if set(by_kind) != {"TRAIN", "TEST"} or len({row["project"] for row in rows}) > 1:
            raise ServiceError(
                "InvalidParameterException", "Datasets must be the TRAIN and the TEST of one project"
            )
        if account.datasets.list_entries(by_kind["TEST"]):
            raise ServiceError("InvalidParameterException", "The test dataset must be empty")
        problem = account.datasets.move_test_share(by_kind["TRAIN"], by_kind["TEST"])
        for arn in by_kind.values():
            account.datasets.record_update(arn, problem)
    return {}


def delete_dataset(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Delete a data set; a training in progress continues with its own copy of the entries."""
    with account.database.transaction():
        account.datasets.get(request["DatasetArn"])
        account.database.execute("DELETE FROM dataset WHERE arn = ?", request["DatasetArn"])
        account.database.execute("DELETE FROM tag WHERE arn = ?", request["DatasetArn"])
    return {}
