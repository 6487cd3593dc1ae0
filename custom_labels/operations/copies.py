"""Copy a model version into another project."""

import shutil
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.errors import ServiceError
from custom_labels.lifecycle import COPYABLE, VersionStatus
from custom_labels.operations.tags import add_tags
from custom_labels.operations.versions import check_version_quota, require_output_config
from custom_labels.s3_location import S3Location
from custom_labels.s3_storage import parse_s3_object
from custom_labels.version_repository import VersionRecord, new_record

MAX_REPORT_BYTES = 64 * 1024 * 1024


def copy_version(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Record the copy, then copy in the background; a crash in between leaves COPYING_FAILED."""
    target, name = request["DestinationProjectArn"], request["VersionName"]
    output = require_output_config(request)
    with account.database.transaction():
        account.get_project(request["SourceProjectArn"])
        account.get_project(target)
        source = account.versions.get(request["SourceProjectVersionArn"])
        _check_copyable(source, request["SourceProjectArn"])
        check_version_quota(account, target)
        arn = account.arn_factory.create_version_arn(target, name)
        details = _initial_details(source, request, output)
        account.versions.add(new_record(arn, target, name, VersionStatus.COPYING_IN_PROGRESS, details))
        add_tags(account, arn, request.get("Tags", {}))
    account.run_in_background(lambda: _copy_files(account, source, arn, output))
    return {"ProjectVersionArn": arn}


def _check_copyable(source: VersionRecord, project: str) -> None:
    if source.project != project:
        raise ServiceError(
            "InvalidParameterException", "SourceProjectVersionArn is not a model of SourceProjectArn"
        )
    if source.status not in COPYABLE:
        raise ServiceError(
            "ResourceInUseException", f"The model is {source.status}; only a trained model can be copied"
        )


def _initial_details(
    source: VersionRecord, request: dict[str, Any], output: dict[str, str]
) -> dict[str, Any]:
    copied: dict[str, Any] = {
        name: source.details[name]
        for name in ("VersionDescription", "TrainingEndTimestamp")
        if name in source.details
    }
    own = {"OutputConfig": output, "Feature": "CUSTOM_LABELS", "SourceProjectVersionArn": source.arn}
    key = {"KmsKeyId": request["KmsKeyId"]} if "KmsKeyId" in request else {}
    return {**copied, **own, **key}


def _copy_files(
    account: CustomLabelsAccount, source: VersionRecord, arn: str, output: dict[str, str]
) -> None:
    try:
        account.model_folder(arn).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(account.model_file(source.arn), account.model_file(arn))
        results = _copy_evaluation(account, source, output)
    except (OSError, ServiceError) as error:
        message = f"The model could not be copied: {error}"
        account.versions.change_status(arn, VersionStatus.COPYING_FAILED, message)
        return
    message = "The model was copied and is ready to run."
    account.versions.change_status(arn, VersionStatus.COPYING_COMPLETED, message, **results)


def _copy_evaluation(
    account: CustomLabelsAccount, source: VersionRecord, output: dict[str, str]
) -> dict[str, Any]:
    """Copy the evaluation summary to the copy's own output location."""
    result = source.details.get("EvaluationResult")
    if result is None:
        return {}
    old = parse_s3_object(result["Summary"]["S3Object"])
    prefix = output.get("S3KeyPrefix", "").strip("/")
    new = S3Location(output["S3Bucket"], f"{prefix}/{old.key.rsplit('/', 1)[-1]}".lstrip("/"))
    account.storage.write(new, account.storage.read(old, MAX_REPORT_BYTES))
    summary = {"S3Object": {"Bucket": new.bucket, "Name": new.key}}
    return {"EvaluationResult": {"F1Score": result["F1Score"], "Summary": summary}}
