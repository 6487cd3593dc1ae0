"""Models: trained, described, deleted."""

import shutil
from pathlib import Path
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault
from local.custom_labels.jobs import DataSource, Job
from local.custom_labels.lifecycle import Status
from local.custom_labels.operations.tags import attach
from local.custom_labels.paging import newest_first, paged
from local.custom_labels.store import Row
from local.custom_labels.versions import Version, new_version
from local.custom_labels.workshop import discard

MOST_TRAININGS = 2
MOST_VERSIONS = 100


def create(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Record the model first, then train: a crash in between leaves a failed training, not a lost one."""
    project_arn, name = request["ProjectArn"], request["VersionName"]
    output = output_config(request)
    with account.store.transaction():
        project = account.project(project_arn)
        insist_on_room(account, project_arn)
        if len(account.versions.having(Status.TRAINING_IN_PROGRESS)) >= MOST_TRAININGS:
            raise Fault("LimitExceededException", f"At most {MOST_TRAININGS} models may be trained at once")
        arn = account.namer.version(project_arn, name)
        about = _about(request, output)
        account.versions.add(new_version(arn, project_arn, name, Status.TRAINING_IN_PROGRESS, about))
        attach(account, arn, request.get("Tags", {}))
        folder = account.folder(arn)
        folder.mkdir(parents=True)
        try:
            train, test = _sources(account, request, folder)
        except BaseException:  # A refused request leaves nothing, not even for the next in this millisecond.
            shutil.rmtree(folder)
            raise
    account.workshop.begin(
        arn,
        folder,
        Job(
            version_arn=arn,
            project_name=project["name"],
            version_name=name,
            region=account.region,
            endpoint=account.endpoint,
            train=train,
            test=test,
            bucket=output["S3Bucket"],
            prefix=output.get("S3KeyPrefix", ""),
        ),
    )
    return {"ProjectVersionArn": arn}


def output_config(request: dict[str, Any]) -> dict[str, str]:
    output: dict[str, str] = request["OutputConfig"]
    if not output.get("S3Bucket"):
        raise Fault("InvalidParameterException", "OutputConfig.S3Bucket is required")
    return output


def insist_on_room(account: Account, project_arn: str) -> None:
    if len(account.versions.of_project(project_arn)) >= MOST_VERSIONS:
        raise Fault("ServiceQuotaExceededException", f"A project may have at most {MOST_VERSIONS} models")


def _about(request: dict[str, Any], output: dict[str, str]) -> dict[str, Any]:
    about: dict[str, Any] = {"OutputConfig": output, "Feature": "CUSTOM_LABELS"}
    for name in ("KmsKeyId", "VersionDescription"):
        if name in request:
            about[name] = request[name]
    if "TrainingData" in request:
        about["TrainingDataResult"] = {"Input": request["TrainingData"]}
    if "TestingData" in request:
        about["TestingDataResult"] = {"Input": request["TestingData"]}
    return about


def _sources(account: Account, request: dict[str, Any], folder: Path) -> tuple[DataSource, DataSource | None]:
    """The data sets of the project or else the manifests of the request, never a mixture."""
    training, testing = request.get("TrainingData"), request.get("TestingData", {})
    project = request["ProjectArn"]
    datasets = [account.datasets.of_project(project, kind) for kind in ("TRAIN", "TEST")]
    if training is not None and any(datasets):
        raise Fault(
            "InvalidParameterException", "The project has datasets, so TrainingData must not be given"
        )
    if training is None and (testing or datasets[0] is None):
        raise Fault(
            "InvalidParameterException", "TrainingData is needed: the project has no training dataset"
        )
    if training is None:
        train, test = (_lines(account, row, folder) for row in datasets)
        return train or DataSource(), test
    test = None if testing.get("AutoCreate") else _manifest(testing, "TestingData")
    return _manifest(training, "TrainingData"), test


def _lines(account: Account, dataset: Row | None, folder: Path) -> DataSource | None:
    """A copy of the data set as it is now, which later changes do not reach; an empty test set is none."""
    entries = account.datasets.entries(dataset["arn"]) if dataset else []
    if dataset is None or (not entries and dataset["kind"] == "TEST"):
        return None
    name = f"{dataset['kind'].lower()}.jsonl"
    (folder / name).write_text("".join(f"{entry.text}\n" for entry in entries), encoding="utf-8")
    return DataSource(file=name)


def _manifest(data: dict[str, Any], name: str) -> DataSource:
    assets = data.get("Assets", [])
    if len(assets) != 1 or "S3Object" not in assets[0].get("GroundTruthManifest", {}):
        raise Fault("InvalidParameterException", f"{name} needs exactly one GroundTruthManifest in S3")
    return DataSource(manifest=assets[0]["GroundTruthManifest"]["S3Object"])


def describe(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    account.project(request["ProjectArn"])
    names = request.get("VersionNames")
    found = [
        version
        for version in account.versions.of_project(request["ProjectArn"])
        if names is None or version.name in names
    ]
    shown, more = paged(found, lambda version: newest_first(version.created, version.arn), request)
    return {"ProjectVersionDescriptions": [_description(account, version) for version in shown], **more}


def _description(account: Account, version: Version) -> dict[str, Any]:
    message = version.message
    if version.status is Status.TRAINING_IN_PROGRESS:
        message = account.workshop.progress(version.arn)
    return {
        "ProjectVersionArn": version.arn,
        "CreationTimestamp": version.created,
        "Status": version.status,
        "StatusMessage": message,
        **version.about,
    }


def delete(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ProjectVersionArn"]
    account.versions.advance(arn, Status.DELETING, "The model is being deleted.")
    discard(account.folder(arn))
    account.versions.forget(arn)
    return {"Status": Status.DELETING}
