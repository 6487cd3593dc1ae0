"""Projects, their models, tags and policies behave as on AWS."""

import json
from typing import Any

import pytest

from custom_labels.s3_location import S3Location
from custom_labels.training_job import TrainingOutcome, read_input
from tests.unit.custom_labels.in_memory_service import (
    OUTPUT,
    UNITS,
    InMemoryService,
    manifest_asset,
    manifest_line,
)

POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})


def test_a_project_is_created_described_and_deleted(service: InMemoryService) -> None:
    arn = service.call("CreateProject", ProjectName="pump", Tags={"line": "7"})["ProjectArn"]

    [described] = service.call("DescribeProjects", ProjectNames=["pump"])["ProjectDescriptions"]
    assert (described["ProjectArn"], described["Status"], described["Datasets"]) == (arn, "CREATED", [])
    assert service.call("ListTagsForResource", ResourceArn=arn) == {"Tags": {"line": "7"}}
    assert service.call("DeleteProject", ProjectArn=arn) == {"Status": "DELETING"}
    assert service.call("DescribeProjects")["ProjectDescriptions"] == []
    assert service.expect_error("DeleteProject", ProjectArn=arn) == "ResourceNotFoundException"


def test_a_name_is_taken_once(service: InMemoryService) -> None:
    project = service.create_project("pump")
    service.create_trained_model(project, "v1")

    assert service.expect_error("CreateProject", ProjectName="pump") == "ResourceInUseException"
    again = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}
    data = {"TrainingData": manifest_asset("m"), "TestingData": manifest_asset("m")}
    assert service.expect_error("CreateProjectVersion", **again, **data) == "ResourceInUseException"


def test_a_project_with_models_is_not_deleted(service: InMemoryService) -> None:
    project = service.create_project()
    model = service.create_trained_model(project)
    assert service.expect_error("DeleteProject", ProjectArn=project) == "ResourceInUseException"
    service.call("DeleteProjectVersion", ProjectVersionArn=model)
    service.call("DeleteProject", ProjectArn=project)


def test_pages_hold_every_project_once_even_when_some_are_deleted_between(service: InMemoryService) -> None:
    arns = [service.create_project(f"p{number}") for number in range(7)]
    first = service.call("DescribeProjects", MaxResults=3, NextToken="")
    service.call("DeleteProject", ProjectArn=first["ProjectDescriptions"][-1]["ProjectArn"])
    second = service.call("DescribeProjects", MaxResults=3, NextToken=first["NextToken"])
    third = service.call("DescribeProjects", MaxResults=3, NextToken=second["NextToken"])

    seen = [row["ProjectArn"] for page in (first, second, third) for row in page["ProjectDescriptions"]]
    assert sorted(seen) == sorted(arns)
    assert "NextToken" not in third


@pytest.mark.parametrize("token", ["nonsense", "eyJ4IjoxfQ==", "WyJvdGhlciIsICJ4Il0="])
def test_a_token_of_another_request_is_refused(service: InMemoryService, token: str) -> None:
    assert service.expect_error("DescribeProjects", NextToken=token) == "InvalidPaginationTokenException"


def test_the_hundred_and_first_project_is_too_many(service: InMemoryService) -> None:
    with service.account.database.transaction():
        for number in range(100):
            service.create_project(f"p{number}")
    assert service.expect_error("CreateProject", ProjectName="more") == "LimitExceededException"


def test_a_third_training_at_once_is_too_many(service: InMemoryService) -> None:
    project = service.create_project()
    service.start_training(project, "v1")
    service.start_training(project, "v2")
    request: dict[str, Any] = {"ProjectArn": project, "VersionName": "v3", "OutputConfig": OUTPUT}
    data = {"TrainingData": manifest_asset("m"), "TestingData": manifest_asset("m")}
    assert service.expect_error("CreateProjectVersion", **request, **data) == "LimitExceededException"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"TestingData": manifest_asset("m")},
        {"TrainingData": manifest_asset("m")},
        {"TrainingData": {"Assets": []}, "TestingData": manifest_asset("m")},
        {
            "TrainingData": manifest_asset("m"),
            "TestingData": manifest_asset("m"),
            "OutputConfig": {"S3KeyPrefix": "x"},
        },
    ],
)
def test_a_training_without_its_data_is_refused(service: InMemoryService, data: dict[str, Any]) -> None:
    request = {"ProjectArn": service.create_project(), "VersionName": "v1", "OutputConfig": OUTPUT} | data
    assert service.expect_error("CreateProjectVersion", **request) == "InvalidParameterException"


def test_a_training_uses_the_datasets_of_the_project_and_nothing_beside_them(
    service: InMemoryService,
) -> None:
    project = service.create_project()
    service.storage.objects[S3Location("parts", "m")] = manifest_line("s3://parts/a.jpg", "ok").encode()
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": "m"}}}
    service.call("CreateDataset", ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)
    request: dict[str, Any] = {"ProjectArn": project, "VersionName": "v1", "OutputConfig": OUTPUT}

    mixed = {"TrainingData": manifest_asset("m"), "TestingData": manifest_asset("m")}
    assert service.expect_error("CreateProjectVersion", **request, **mixed) == "InvalidParameterException"
    assert list((service.account.state_dir / "models").glob("*")) == []
    arn = service.call("CreateProjectVersion", **request)["ProjectVersionArn"]
    inputs = read_input(service.account.model_folder(arn))
    assert inputs.train.file
    assert inputs.test is None
    assert (service.account.model_folder(arn) / inputs.train.file).read_text() == manifest_line(
        "s3://parts/a.jpg", "ok"
    ) + "\n"


def test_a_finished_training_is_described_with_its_results(service: InMemoryService) -> None:
    project = service.create_project()
    service.create_trained_model(project)
    [model] = service.call("DescribeProjectVersions", ProjectArn=project)["ProjectVersionDescriptions"]
    assert model["Status"] == "TRAINING_COMPLETED"
    assert model["BillableTrainingTimeInSeconds"] == 3
    assert model["TrainingDataResult"]["Input"] == manifest_asset("train.manifest")


def test_models_are_listed_newest_first_and_found_by_name(service: InMemoryService) -> None:
    project = service.create_project()
    for name in ("v1", "v2", "v3"):
        service.create_trained_model(project, name)
    rows = service.call("DescribeProjectVersions", ProjectArn=project)["ProjectVersionDescriptions"]
    assert [row["ProjectVersionArn"].split("/")[3] for row in rows] == ["v3", "v2", "v1"]
    found = service.call("DescribeProjectVersions", ProjectArn=project, VersionNames=["v2"])
    assert len(found["ProjectVersionDescriptions"]) == 1


def test_a_failed_training_is_deleted_and_never_started(service: InMemoryService) -> None:
    arn = service.start_training(service.create_project())
    assert service.expect_error("DeleteProjectVersion", ProjectVersionArn=arn) == "ResourceInUseException"
    service.account.record_training_outcome(
        arn, TrainingOutcome(False, "ERROR_EMPTY_MANIFEST: The manifest file is empty.")
    )
    assert (
        service.expect_error("StartProjectVersion", ProjectVersionArn=arn, **UNITS)
        == "ResourceInUseException"
    )
    service.call("DeleteProjectVersion", ProjectVersionArn=arn)
    assert not service.account.model_folder(arn).exists()


def test_tags_are_put_and_removed(service: InMemoryService) -> None:
    arn = service.create_project()
    service.call("TagResource", ResourceArn=arn, Tags={"a": "1", "b": "2"})
    service.call("UntagResource", ResourceArn=arn, TagKeys=["a"])
    assert service.call("ListTagsForResource", ResourceArn=arn) == {"Tags": {"b": "2"}}
    many = {f"k{number}": "" for number in range(50)}
    assert service.expect_error("TagResource", ResourceArn=arn, Tags=many) == "ServiceQuotaExceededException"
    assert service.call("ListTagsForResource", ResourceArn=arn) == {"Tags": {"b": "2"}}
    gone = arn[:-1] + "x"
    assert service.expect_error("ListTagsForResource", ResourceArn=gone) == "ResourceNotFoundException"


def test_a_policy_is_replaced_only_with_its_current_revision(service: InMemoryService) -> None:
    project = service.create_project()
    policy: dict[str, Any] = {"ProjectArn": project, "PolicyName": "share", "PolicyDocument": POLICY}
    revision = service.call("PutProjectPolicy", **policy)["PolicyRevisionId"]

    assert service.expect_error("PutProjectPolicy", **policy) == "ResourceAlreadyExistsException"
    stale = {"PolicyRevisionId": "ab12"}
    assert service.expect_error("PutProjectPolicy", **policy, **stale) == "InvalidPolicyRevisionIdException"
    newer = service.call("PutProjectPolicy", **policy, PolicyRevisionId=revision)["PolicyRevisionId"]
    [policy_description] = service.call("ListProjectPolicies", ProjectArn=project)["ProjectPolicies"]
    assert policy_description["PolicyRevisionId"] == newer != revision
    named = {"ProjectArn": project, "PolicyName": "share"}
    assert service.expect_error("DeleteProjectPolicy", **named, **stale) == "InvalidPolicyRevisionIdException"
    service.call("DeleteProjectPolicy", **named)
    assert service.expect_error("DeleteProjectPolicy", **named) == "ResourceNotFoundException"


@pytest.mark.parametrize("document", ["no json", "[1]", '{"Version": "2012-10-17"}', "3"])
def test_a_malformed_policy_is_refused(service: InMemoryService, document: str) -> None:
    policy = {"ProjectArn": service.create_project(), "PolicyName": "share", "PolicyDocument": document}
    assert service.expect_error("PutProjectPolicy", **policy) == "MalformedPolicyDocumentException"


def test_a_copy_runs_like_its_source(service: InMemoryService) -> None:
    source, target = service.create_project("source"), service.create_project("target")
    model = service.create_trained_model(source)
    request: dict[str, Any] = {
        "SourceProjectArn": source,
        "SourceProjectVersionArn": model,
        "DestinationProjectArn": target,
        "VersionName": "copied",
        "OutputConfig": OUTPUT,
    }
    copy = service.call("CopyProjectVersion", **request)["ProjectVersionArn"]
    service.wait_until_idle()
    assert service.status_of(copy) == "COPYING_COMPLETED"
    [described] = service.call("DescribeProjectVersions", ProjectArn=target)["ProjectVersionDescriptions"]
    assert described["SourceProjectVersionArn"] == model
    service.call("StartProjectVersion", ProjectVersionArn=copy, **UNITS)
    service.wait_until_idle()
    assert service.status_of(copy) == "RUNNING"
    crossed = request | {"SourceProjectArn": target, "VersionName": "other"}
    assert service.expect_error("CopyProjectVersion", **crossed) == "InvalidParameterException"


def test_an_untrained_model_is_not_copied_and_a_lost_file_fails_the_copy(service: InMemoryService) -> None:
    source, target = service.create_project("source"), service.create_project("target")
    lost, untrained = (
        service.create_trained_model(source, "lost"),
        service.start_training(source, "untrained"),
    )
    service.account.model_file(lost).unlink()
    request: dict[str, Any] = {
        "SourceProjectArn": source,
        "DestinationProjectArn": target,
        "OutputConfig": OUTPUT,
    }

    names = {"VersionName": "a", "SourceProjectVersionArn": untrained}
    assert service.expect_error("CopyProjectVersion", **request, **names) == "ResourceInUseException"
    names = {"VersionName": "b", "SourceProjectVersionArn": lost}
    copy = service.call("CopyProjectVersion", **request, **names)["ProjectVersionArn"]
    service.wait_until_idle()
    assert service.status_of(copy) == "COPYING_FAILED"
