"""Create (train), describe and delete model versions."""

import shutil
from pathlib import Path
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.database import Row
from custom_labels.errors import ServiceError
from custom_labels.lifecycle import VersionStatus
from custom_labels.operations.tags import add_tags
from custom_labels.pagination import newest_first_key, paginate
from custom_labels.training_job import DatasetSource, TrainingInput
from custom_labels.training_pool import delete_model_folder
from custom_labels.version_repository import VersionRecord, new_record

MAX_TRAININGS = 2
MAX_VERSIONS = 100


def create_version(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Record the model, then train it: a crash in between leaves a failed training, not a lost one."""
    project_arn, name = request["ProjectArn"], request["VersionName"]
    output = require_output_config(request)
    with account.database.transaction():
        project = account.get_project(project_arn)
        check_version_quota(account, project_arn)
        if len(account.versions.list_by_status(VersionStatus.TRAINING_IN_PROGRESS)) >= MAX_TRAININGS:
            raise ServiceError(
                "LimitExceededException", f"At most {MAX_TRAININGS} models may be trained at once"
            )
        arn = account.arn_factory.create_version_arn(project_arn, name)
        details = _initial_details(request, output)
        account.versions.add(new_record(arn, project_arn, name, VersionStatus.TRAINING_IN_PROGRESS, details))
        add_tags(account, arn, request.get("Tags", {}))
        folder = account.model_folder(arn)
        folder.mkdir(parents=True)
        try:
            train, test = _prepare_sources(account, request, folder)
        except BaseException:  # The next request may get the same ARN, so nothing of this one may stay.
            shutil.rmtree(folder)
            raise
    account.training_pool.start(
        arn,
        folder,
        TrainingInput(
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


def require_output_config(request: dict[str, Any]) -> dict[str, str]:
    """Return the OutputConfig. Raise ServiceError if it has no bucket."""
    output: dict[str, str] = request["OutputConfig"]
    if not output.get("S3Bucket"):
        raise ServiceError("InvalidParameterException", "OutputConfig.S3Bucket is required")
    return output


def check_version_quota(account: CustomLabelsAccount, project_arn: str) -> None:
    """Raise ServiceError if the project has the maximum number of models."""
    if len(account.versions.list_by_project(project_arn)) >= MAX_VERSIONS:
        raise ServiceError(
            "ServiceQuotaExceededException", f"A project may have at most {MAX_VERSIONS} models"
        )


def _initial_details(request: dict[str, Any], output: dict[str, str]) -> dict[str, Any]:
    details: dict[str, Any] = {"OutputConfig": output, "Feature": "CUSTOM_LABELS"}
    for name in ("KmsKeyId", "VersionDescription"):
        if name in request:
            details[name] = request[name]
    if "TrainingData" in request:
        details["TrainingDataResult"] = {"Input": request["TrainingData"]}
    if "TestingData" in request:
        details["TestingDataResult"] = {"Input": request["TestingData"]}
    return details


def _prepare_sources(
    account: CustomLabelsAccount, request: dict[str, Any], folder: Path
) -> tuple[DatasetSource, DatasetSource | None]:
    """Return the data sets of the project or the manifests of the request; a mixture is invalid."""
    training, testing = request.get("TrainingData"), request.get("TestingData", {})
    project = request["ProjectArn"]
    datasets = [account.datasets.find_by_project(project, kind) for kind in ("TRAIN", "TEST")]
    if training is not None and any(datasets):
        raise ServiceError(
            "InvalidParameterException", "The project has datasets, so TrainingData must not be given"
        )
    if training is None and (testing or datasets[0] is None):
        raise ServiceError(
            "InvalidParameterException", "TrainingData is needed: the project has no training dataset"
        )
    if training is None:
        train, test = (_copy_lines(account, row, folder) for row in datasets)
        return train or DatasetSource(), test
    test = None if testing.get("AutoCreate") else _manifest_source(testing, "TestingData")
    return _manifest_source(training, "TrainingData"), test


def _copy_lines(account: CustomLabelsAccount, dataset: Row | None, folder: Path) -> DatasetSource | None:
    """Copy the data set's lines, so that later changes do not reach the training.

    Return None for an empty test set.
    """
    entries = account.datasets.list_entries(dataset["arn"]) if dataset else []
    if dataset is None or (not entries and dataset["kind"] == "TEST"):
        return None
    name = f"{dataset['kind'].lower()}.jsonl"
    (folder / name).write_text("".join(f"{entry.text}\n" for entry in entries), encoding="utf-8")
    return DatasetSource(file=name)


def _manifest_source(data: dict[str, Any], name: str) -> DatasetSource:
    assets = data.get("Assets", [])
    if len(assets) != 1 or "S3Object" not in assets[0].get("GroundTruthManifest", {}):
        message = f"{name} needs exactly one GroundTruthManifest in S3"
        raise ServiceError("InvalidParameterException", message)
    return DatasetSource(manifest=assets[0]["GroundTruthManifest"]["S3Object"])


def describe_versions(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    account.get_project(request["ProjectArn"])
    names = request.get("VersionNames")
    versions = [
        version
        for version in account.versions.list_by_project(request["ProjectArn"])
        if names is None or version.name in names
    ]
    page, more = paginate(versions, lambda version: newest_first_key(version.created, version.arn), request)
    return {"ProjectVersionDescriptions": [_describe(account, version) for version in page], **more}


def _describe(account: CustomLabelsAccount, version: VersionRecord) -> dict[str, Any]:
    message = version.message
    if version.status is VersionStatus.TRAINING_IN_PROGRESS:
        message = account.training_pool.progress_message(version.arn)
    return {
        "ProjectVersionArn": version.arn,
        "CreationTimestamp": version.created,
        "Status": version.status,
        "StatusMessage": message,
        **version.details,
    }


def delete_version(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ProjectVersionArn"]
    account.versions.change_status(arn, VersionStatus.DELETING, "The model is being deleted.")
    delete_model_folder(account.model_folder(arn))
    account.versions.delete(arn)
    return {"Status": VersionStatus.DELETING}
