"""Models copied into another project."""

import shutil
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.faults import Fault
from local.custom_labels.lifecycle import TRAINED, Status
from local.custom_labels.objects import Place
from local.custom_labels.operations.tags import attach
from local.custom_labels.operations.versions import insist_on_room, output_config
from local.custom_labels.versions import Version, new_version

LARGEST_REPORT = 64 * 1024 * 1024


def copy(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Recorded first and done behind the answer; a crash in between leaves COPYING_FAILED."""
    target, name = request["DestinationProjectArn"], request["VersionName"]
    output = output_config(request)
    with account.store.transaction():
        account.project(request["SourceProjectArn"])
        account.project(target)
        source = account.versions.find(request["SourceProjectVersionArn"])
        _insist_on_copyable(source, request["SourceProjectArn"])
        insist_on_room(account, target)
        arn = account.namer.version(target, name)
        about = _about(source, request, output)
        account.versions.add(new_version(arn, target, name, Status.COPYING_IN_PROGRESS, about))
        attach(account, arn, request.get("Tags", {}))
    account.later(lambda: _carry(account, source, arn, output))
    return {"ProjectVersionArn": arn}


def _insist_on_copyable(source: Version, project: str) -> None:
    if source.project != project:
        raise Fault("InvalidParameterException", "SourceProjectVersionArn is not a model of SourceProjectArn")
    if source.status not in TRAINED:
        raise Fault(
            "ResourceInUseException", f"The model is {source.status}; only a trained model can be copied"
        )


def _about(source: Version, request: dict[str, Any], output: dict[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: source.about[name]
        for name in ("VersionDescription", "TrainingEndTimestamp")
        if name in source.about
    }
    own = {"OutputConfig": output, "Feature": "CUSTOM_LABELS", "SourceProjectVersionArn": source.arn}
    key = {"KmsKeyId": request["KmsKeyId"]} if "KmsKeyId" in request else {}
    return {**kept, **own, **key}


def _carry(account: Account, source: Version, arn: str, output: dict[str, str]) -> None:
    try:
        account.folder(arn).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(account.model_file(source.arn), account.model_file(arn))
        results = _carry_results(account, source, output)
    except (OSError, Fault) as error:
        account.versions.advance(arn, Status.COPYING_FAILED, f"The model could not be copied: {error}")
        return
    account.versions.advance(
        arn, Status.COPYING_COMPLETED, "The model was copied and is ready to run.", **results
    )


def _carry_results(account: Account, source: Version, output: dict[str, str]) -> dict[str, Any]:
    """The evaluation summary goes to the copy's own output location."""
    result = source.about.get("EvaluationResult")
    if result is None:
        return {}
    old = Place.of(result["Summary"]["S3Object"])
    prefix = output.get("S3KeyPrefix", "").strip("/")
    new = Place(output["S3Bucket"], f"{prefix}/{old.key.rsplit('/', 1)[-1]}".lstrip("/"))
    account.objects.write(new, account.objects.read(old, LARGEST_REPORT))
    summary = {"S3Object": {"Bucket": new.bucket, "Name": new.key}}
    return {"EvaluationResult": {"F1Score": result["F1Score"], "Summary": summary}}
