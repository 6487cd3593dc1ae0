"""Trains a model on labelled photos with AWS's API alone, and puts it to use."""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from local.labelled_parts import Part, batches, check_labels, manifest_line, means_ok
from workflow.aws.clients import client
from workflow.aws.site import Site
from workflow.errors import PartcheckError
from workflow.inspections.routing_policy import parse

PROJECT = "partcheck"
THRESHOLD = 0.8
AT_ONCE = 8
SHORTEST_PAUSE = 0.3
LONGEST_PAUSE = 30.0

Report = Callable[[str], None]


def train(site: Site, parts: Iterable[Part], bucket: str, version_name: str, report: Report) -> str:
    """Upload the photos, train a model on them, start it, route by its labels; returns the model's ARN.

    The model that was in use before is stopped. `version_name` may be empty: then the time is the name.
    """
    version = version_name or f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    labels, manifest = _upload(parts, bucket, version, report)
    check_labels(labels)
    policy = routing_policy(_parameter(site.policy_parameter), labels)
    project = _project()
    arn = _trained(project, version, bucket, manifest, report)
    _started(project, version, arn, report)
    _put_to_use(site, arn, policy)
    return arn


def routing_policy(current: str, labels: Collection[str]) -> str:
    """The policy for exactly these labels: what the current one says of them stays, others get a first rule.

    Its version tells its content, so it changes when, and only when, the rules do.
    """
    parse(current)
    document = json.loads(current)
    known = document["labels"]
    rules = {label: known.get(label) or _first_rule(label) for label in sorted(labels)}
    if rules == known:
        return current
    content = {**document, "labels": rules}
    del content["version"]
    version = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return json.dumps({"version": version, **content})


def _first_rule(label: str) -> dict[str, Any]:
    return {"verdict": "ok" if means_ok(label) else "defect", "threshold": THRESHOLD}


def _upload(parts: Iterable[Part], bucket: str, version: str, report: Report) -> tuple[set[str], str]:
    """Store the photos and the manifest that lists them; returns the labels and the manifest's key."""
    s3 = client("s3")
    stored: list[tuple[str, str]] = []

    def store(key: str, part: Part) -> tuple[str, str]:
        s3.put_object(Bucket=bucket, Key=key, Body=part.content)
        return f"s3://{bucket}/{key}", part.label

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for batch in batches(parts, 4 * AT_ONCE):
            keys = [_key(version, number, part) for number, part in enumerate(batch, len(stored) + 1)]
            stored += pool.map(store, keys, batch)
            report(f"Uploaded {len(stored)} labelled photos")
    labels = sorted({label for _, label in stored})
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    lines = [manifest_line(source, label, labels, at) for source, label in stored]
    manifest = f"{version}/train.manifest"
    s3.put_object(Bucket=bucket, Key=manifest, Body="\n".join(lines).encode())
    return set(labels), manifest


def _key(version: str, number: int, part: Part) -> str:
    return f"{version}/photos/{part.label}/{number:05}-{PurePosixPath(part.name).name}"


def _project() -> str:
    rekognition = client("rekognition")
    try:
        return str(rekognition.create_project(ProjectName=PROJECT)["ProjectArn"])
    except rekognition.exceptions.ResourceInUseException:
        found = rekognition.describe_projects(ProjectNames=[PROJECT])["ProjectDescriptions"]
        return str(found[0]["ProjectArn"])


def _trained(project: str, version: str, bucket: str, manifest: str, report: Report) -> str:
    """Train and test, with a fifth of the photos set aside by the service."""
    asset = {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": manifest}}}
    arn = client("rekognition").create_project_version(
        ProjectArn=project,
        VersionName=version,
        OutputConfig={"S3Bucket": bucket, "S3KeyPrefix": f"{version}/evaluation"},
        TrainingData={"Assets": [asset]},
        TestingData={"AutoCreate": True},
    )["ProjectVersionArn"]
    report(f"Training model {version} …")
    _wait_for(project, version, "TRAINING_COMPLETED")
    return str(arn)


def _started(project: str, version: str, arn: str, report: Report) -> None:
    report(f"Starting model {version} …")
    client("rekognition").start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
    _wait_for(project, version, "RUNNING")


def _wait_for(project: str, version: str, wanted: str) -> None:
    """Look now and then: it takes seconds here and up to a day on AWS, which allows five looks a second."""
    begun = time.monotonic()
    while True:
        found = client("rekognition").describe_project_versions(ProjectArn=project, VersionNames=[version])
        state = found["ProjectVersionDescriptions"][0]
        if state["Status"] == wanted:
            return
        if state["Status"].endswith("FAILED"):
            raise PartcheckError(
                f"Model {version}: {state['Status']}: {state.get('StatusMessage', 'no reason given')}"
            )
        time.sleep(min(LONGEST_PAUSE, max(SHORTEST_PAUSE, (time.monotonic() - begun) / 20)))


def _put_to_use(site: Site, arn: str, policy: str) -> None:
    before, ssm = _parameter(site.model_parameter), client("ssm")
    ssm.put_parameter(Name=site.policy_parameter, Value=policy, Type="String", Overwrite=True)
    ssm.put_parameter(Name=site.model_parameter, Value=arn, Type="String", Overwrite=True)
    if before.startswith("arn:") and before != arn:
        _stop(before)


def _stop(arn: str) -> None:
    """A running model costs money, asked or not; one that is gone or stopped already is as wanted."""
    try:
        client("rekognition").stop_project_version(ProjectVersionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "ResourceInUseException"):
            raise


def _parameter(name: str) -> str:
    return str(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
