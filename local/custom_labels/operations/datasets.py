"""Data sets: created from a manifest, from another data set, or empty; described, distributed, deleted."""

from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.datasets import keepable
from local.custom_labels.faults import Fault
from local.custom_labels.manifest import Entry
from local.custom_labels.manifest_rules import UNREADABLE
from local.custom_labels.objects import Place
from local.custom_labels.operations.tags import attach

LARGEST_MANIFEST = 1024**3


def create(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Everything is done before the answer: a crash leaves the whole data set or none."""
    project, kind = request["ProjectArn"], request["DatasetType"]
    account.project(project)
    entries, problem = _source(account, request.get("DatasetSource", {}))
    with account.store.transaction():
        account.project(project)
        if account.datasets.of_project(project, kind):
            raise Fault("ResourceAlreadyExistsException", f"The project already has a {kind} dataset")
        arn = account.namer.dataset(project, kind)
        account.datasets.add(arn, project, kind, problem)
        account.datasets.put(arn, entries)
        attach(account, arn, request.get("Tags", {}))
    return {"DatasetArn": arn}


def _source(account: Account, source: dict[str, Any]) -> tuple[list[Entry], str | None]:
    if len(source) > 1:
        raise Fault(
            "InvalidParameterException", "DatasetSource takes one of GroundTruthManifest and DatasetArn"
        )
    if "DatasetArn" in source:
        account.datasets.find(source["DatasetArn"])
        return account.datasets.entries(source["DatasetArn"]), None
    if "GroundTruthManifest" not in source:
        return [], None
    place = Place.of(source["GroundTruthManifest"].get("S3Object", {}))
    try:
        return keepable(account.objects.read(place, LARGEST_MANIFEST).decode("utf-8-sig").split("\n"))
    except UnicodeDecodeError:
        return [], UNREADABLE
    except Fault as fault:
        if fault.code == "ImageTooLargeException":
            return [], "ERROR_MANIFEST_SIZE_TOO_LARGE"
        raise


def describe(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["DatasetArn"]
    row = account.datasets.find(arn)
    count = "SELECT count(*) FROM entry WHERE dataset = ?"
    return {
        "DatasetDescription": {
            "CreationTimestamp": row["created"],
            "LastUpdatedTimestamp": row["updated"],
            "Status": row["status"],
            "StatusMessage": row["message"],
            "StatusMessageCode": row["code"],
            "DatasetStats": {
                "LabeledEntries": account.store.count(f"{count} AND labels != '[]'", arn),
                "TotalEntries": account.store.count(count, arn),
                "TotalLabels": len(account.datasets.label_counts(arn)),
                "ErrorEntries": account.store.count(f"{count} AND errors != '[]'", arn),
            },
        }
    }


def distribute(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Move a fifth of the training set into the empty test set of the same project."""
    with account.store.transaction():
        rows = [account.datasets.find(dataset["Arn"]) for dataset in request["Datasets"]]
        by_kind = {row["kind"]: row["arn"] for row in rows}
        if set(by_kind) != {"TRAIN", "TEST"} or len({row["project"] for row in rows}) > 1:
            raise Fault("InvalidParameterException", "Datasets must be the TRAIN and the TEST of one project")
        if account.datasets.entries(by_kind["TEST"]):
            raise Fault("InvalidParameterException", "The test dataset must be empty")
        problem = account.datasets.move_a_fifth(by_kind["TRAIN"], by_kind["TEST"])
        for arn in by_kind.values():
            account.datasets.touch(arn, problem)
    return {}


def delete(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """A training that has begun goes on: it works on its own copy of the entries."""
    with account.store.transaction():
        account.datasets.find(request["DatasetArn"])
        account.store.run("DELETE FROM dataset WHERE arn = ?", request["DatasetArn"])
        account.store.run("DELETE FROM tag WHERE arn = ?", request["DatasetArn"])
    return {}
