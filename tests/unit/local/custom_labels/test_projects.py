"""Projects, their models, tags and policies, as AWS keeps them."""

import json
from typing import Any

import pytest

from local.custom_labels.jobs import Outcome, read_job
from local.custom_labels.objects import Place
from tests.unit.local.custom_labels.workbench import OUTPUT, UNITS, Workbench, asset, line

POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


def test_a_project_is_created_described_and_deleted(bench: Workbench) -> None:
    arn = bench.ask("CreateProject", ProjectName="pump", Tags={"line": "7"})["ProjectArn"]

    [described] = bench.ask("DescribeProjects", ProjectNames=["pump"])["ProjectDescriptions"]
    assert (described["ProjectArn"], described["Status"], described["Datasets"]) == (arn, "CREATED", [])
    assert bench.ask("ListTagsForResource", ResourceArn=arn) == {"Tags": {"line": "7"}}
    assert bench.ask("DeleteProject", ProjectArn=arn) == {"Status": "DELETING"}
    assert bench.ask("DescribeProjects")["ProjectDescriptions"] == []
    assert bench.refusal("DeleteProject", ProjectArn=arn) == "ResourceNotFoundException"


def test_a_name_is_taken_once(bench: Workbench) -> None:
    project = bench.project("pump")
    bench.trained(project, "v1")

    assert bench.refusal("CreateProject", ProjectName="pump") == "ResourceInUseException"
    again = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}
    data = {"TrainingData": asset("m"), "TestingData": asset("m")}
    assert bench.refusal("CreateProjectVersion", **again, **data) == "ResourceInUseException"


def test_a_project_with_models_is_not_deleted(bench: Workbench) -> None:
    project = bench.project()
    model = bench.trained(project)
    assert bench.refusal("DeleteProject", ProjectArn=project) == "ResourceInUseException"
    bench.ask("DeleteProjectVersion", ProjectVersionArn=model)
    bench.ask("DeleteProject", ProjectArn=project)


def test_pages_hold_every_project_once_even_when_some_are_deleted_between(bench: Workbench) -> None:
    arns = [bench.project(f"p{number}") for number in range(7)]
    first = bench.ask("DescribeProjects", MaxResults=3, NextToken="")
    bench.ask("DeleteProject", ProjectArn=first["ProjectDescriptions"][-1]["ProjectArn"])
    second = bench.ask("DescribeProjects", MaxResults=3, NextToken=first["NextToken"])
    third = bench.ask("DescribeProjects", MaxResults=3, NextToken=second["NextToken"])

    seen = [row["ProjectArn"] for page in (first, second, third) for row in page["ProjectDescriptions"]]
    assert sorted(seen) == sorted(arns)
    assert "NextToken" not in third


@pytest.mark.parametrize("token", ["nonsense", "eyJ4IjoxfQ==", "WyJvdGhlciIsICJ4Il0="])
def test_a_foreign_page_token_is_refused(bench: Workbench, token: str) -> None:
    assert bench.refusal("DescribeProjects", NextToken=token) == "InvalidPaginationTokenException"


def test_the_hundred_and_first_project_is_too_many(bench: Workbench) -> None:
    with bench.account.store.transaction():
        for number in range(100):
            bench.project(f"p{number}")
    assert bench.refusal("CreateProject", ProjectName="more") == "LimitExceededException"


def test_a_third_training_at_once_is_too_many(bench: Workbench) -> None:
    project = bench.project()
    bench.training(project, "v1")
    bench.training(project, "v2")
    request: dict[str, Any] = {"ProjectArn": project, "VersionName": "v3", "OutputConfig": OUTPUT}
    data = {"TrainingData": asset("m"), "TestingData": asset("m")}
    assert bench.refusal("CreateProjectVersion", **request, **data) == "LimitExceededException"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"TestingData": asset("m")},
        {"TrainingData": asset("m")},
        {"TrainingData": {"Assets": []}, "TestingData": asset("m")},
        {"TrainingData": asset("m"), "TestingData": asset("m"), "OutputConfig": {"S3KeyPrefix": "x"}},
    ],
)
def test_a_training_without_its_data_is_refused(bench: Workbench, data: dict[str, Any]) -> None:
    request = {"ProjectArn": bench.project(), "VersionName": "v1", "OutputConfig": OUTPUT} | data
    assert bench.refusal("CreateProjectVersion", **request) == "InvalidParameterException"


def test_a_training_uses_the_datasets_of_the_project_and_nothing_beside_them(bench: Workbench) -> None:
    project = bench.project()
    bench.objects.kept[Place("parts", "m")] = line("s3://parts/a.jpg", "ok").encode()
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": "m"}}}
    bench.ask("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)
    request: dict[str, Any] = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}

    mixed = {"TrainingData": asset("m"), "TestingData": asset("m")}
    assert bench.refusal("CreateProjectVersion", **request, **mixed) == "InvalidParameterException"
    assert list((bench.account.state / "models").glob("*")) == []
    arn = bench.ask("CreateProjectVersion", **request)["ProjectVersionArn"]
    job = read_job(bench.account.folder(arn))
    assert job.train.file
    assert job.test is None
    assert (bench.account.folder(arn) / job.train.file).read_text() == line("s3://parts/a.jpg", "ok") + "\n"


def test_a_finished_training_is_described_with_its_results(bench: Workbench) -> None:
    project = bench.project()
    bench.trained(project)
    [model] = bench.ask("DescribeProjectVersions", ProjectArn=project)["ProjectVersionDescriptions"]
    assert model["Status"] == "TRAINING_COMPLETED"
    assert model["BillableTrainingTimeInSeconds"] == 3
    assert model["TrainingDataResult"]["Input"] == asset("train.manifest")


def test_models_are_listed_newest_first_and_found_by_name(bench: Workbench) -> None:
    project = bench.project()
    for name in ("v1", "v2", "v3"):
        bench.trained(project, name)
    rows = bench.ask("DescribeProjectVersions", ProjectArn=project)["ProjectVersionDescriptions"]
    assert [row["ProjectVersionArn"].split("/")[3] for row in rows] == ["v3", "v2", "v1"]
    found = bench.ask("DescribeProjectVersions", ProjectArn=project, VersionNames=["v2"])
    assert len(found["ProjectVersionDescriptions"]) == 1


def test_a_failed_training_is_deleted_and_never_started(bench: Workbench) -> None:
    arn = bench.training(bench.project())
    assert bench.refusal("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    bench.account.training_ended(arn, Outcome(False, "ERROR_EMPTY_MANIFEST: The manifest file is empty."))
    assert bench.refusal("StartProjectVersion", ProjectVersionArn=arn, **UNITS) == "ResourceInUseException"
    bench.ask("DeleteProjectVersion", ProjectVersionArn=arn)
    assert not bench.account.folder(arn).exists()


def test_tags_are_put_and_removed(bench: Workbench) -> None:
    arn = bench.project()
    bench.ask("TagResource", ResourceArn=arn, Tags={"a": "1", "b": "2"})
    bench.ask("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert bench.ask("ListTagsForResource", ResourceArn=arn) == {"Tags": {"b": "2"}}
    many = {f"k{number}": "" for number in range(50)}
    assert bench.refusal("TagResource", ResourceArn=arn, Tags=many) == "ServiceQuotaExceededException"
    assert bench.ask("ListTagsForResource", ResourceArn=arn) == {"Tags": {"b": "2"}}
    gone = arn[:-1] + "x"
    assert bench.refusal("ListTagsForResource", ResourceArn=gone) == "ResourceNotFoundException"


def test_a_policy_is_revised_only_by_who_knows_its_revision(bench: Workbench) -> None:
    project = bench.project()
    policy: dict[str, Any] = {"ProjectArn": project, "PolicyName": "share", "PolicyDocument": POLICY}
    revision = bench.ask("PutProjectPolicy", **policy)["PolicyRevisionId"]

    assert bench.refusal("PutProjectPolicy", **policy) == "ResourceAlreadyExistsException"
    stale = {"PolicyRevisionId": "ab12"}
    assert bench.refusal("PutProjectPolicy", **policy, **stale) == "InvalidPolicyRevisionIdException"
    newer = bench.ask("PutProjectPolicy", **policy, PolicyRevisionId=revision)["PolicyRevisionId"]
    [kept] = bench.ask("ListProjectPolicies", ProjectArn=project)["ProjectPolicies"]
    assert kept["PolicyRevisionId"] == newer != revision
    named = {"ProjectArn": project, "PolicyName": "share"}
    assert bench.refusal("DeleteProjectPolicy", **named, **stale) == "InvalidPolicyRevisionIdException"
    bench.ask("DeleteProjectPolicy", **named)
    assert bench.refusal("DeleteProjectPolicy", **named) == "ResourceNotFoundException"


@pytest.mark.parametrize("document", ["no json", "[1]", '{"Version": "2012-10-17"}', "3"])
def test_a_malformed_policy_is_refused(bench: Workbench, document: str) -> None:
    policy = {"ProjectArn": bench.project(), "PolicyName": "share", "PolicyDocument": document}
    assert bench.refusal("PutProjectPolicy", **policy) == "MalformedPolicyDocumentException"


def test_a_copy_runs_like_its_source(bench: Workbench) -> None:
    source, target = bench.project("source"), bench.project("target")
    model = bench.trained(source)
    request: dict[str, Any] = {
        "SourceProjectArn": source,
        "SourceProjectVersionArn": model,
        "DestinationProjectArn": target,
        "VersionName": "copied",
        "OutputConfig": OUTPUT,
    }
    copy = bench.ask("CopyProjectVersion", **request)["ProjectVersionArn"]
    bench.settle()
    assert bench.status(copy) == "COPYING_COMPLETED"
    [described] = bench.ask("DescribeProjectVersions", ProjectArn=target)["ProjectVersionDescriptions"]
    assert described["SourceProjectVersionArn"] == model
    bench.ask("StartProjectVersion", ProjectVersionArn=copy, **UNITS)
    bench.settle()
    assert bench.status(copy) == "RUNNING"
    crossed = request | {"SourceProjectArn": target, "VersionName": "other"}
    assert bench.refusal("CopyProjectVersion", **crossed) == "InvalidParameterException"


def test_an_untrained_model_is_not_copied_and_a_lost_file_fails_the_copy(bench: Workbench) -> None:
    source, target = bench.project("source"), bench.project("target")
    lost, untrained = bench.trained(source, "lost"), bench.training(source, "untrained")
    bench.account.model_file(lost).unlink()
    request: dict[str, Any] = {
        "SourceProjectArn": source,
        "DestinationProjectArn": target,
        "OutputConfig": OUTPUT,
    }

    names = {"VersionName": "a", "SourceProjectVersionArn": untrained}
    assert bench.refusal("CopyProjectVersion", **request, **names) == "ResourceInUseException"
    names = {"VersionName": "b", "SourceProjectVersionArn": lost}
    copy = bench.ask("CopyProjectVersion", **request, **names)["ProjectVersionArn"]
    bench.settle()
    assert bench.status(copy) == "COPYING_FAILED"
