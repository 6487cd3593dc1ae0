"""Data sets: stored from a manifest, listed, changed and distributed."""

import base64
import json
from typing import Any

import pytest

from custom_labels.s3_location import S3Location
from tests.unit.custom_labels.in_memory_service import InMemoryService, manifest_line

NO_LABEL = json.dumps({"source-ref": "s3://parts/plain.jpg"})
BAD_LABEL = json.dumps({"source-ref": "s3://parts/bad.jpg", "x": "1", "x-metadata": {}})


def dataset(service: InMemoryService, project: str, kind: str, *lines: str) -> str:
    source: dict[str, Any] = {}
    if lines:
        service.storage.objects[S3Location("parts", f"{kind}.manifest")] = "\n".join(lines).encode()
        location = {"Bucket": "parts", "Name": f"{kind}.manifest"}
        source = {"DatasetSource": {"GroundTruthManifest": {"S3Object": location}}}
    return str(service.call("CreateDataset", ProjectArn=project, DatasetType=kind, **source)["DatasetArn"])


def lines(*labels: str, folder: str = "photos") -> list[str]:
    return [manifest_line(f"s3://parts/{folder}/{number}.jpg", label) for number, label in enumerate(labels)]


def describe(service: InMemoryService, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = service.call("DescribeDataset", DatasetArn=arn)["DatasetDescription"]
    return answer


def test_a_manifest_becomes_a_counted_dataset(service: InMemoryService) -> None:
    arn = dataset(
        service, service.create_project(), "TRAIN", *lines("ok", "ok", "defect"), NO_LABEL, BAD_LABEL
    )

    description = describe(service, arn)
    assert (description["Status"], description["StatusMessageCode"]) == ("CREATE_COMPLETE", "SUCCESS")
    assert description["DatasetStats"] == {
        "LabeledEntries": 3,
        "TotalEntries": 5,
        "TotalLabels": 2,
        "ErrorEntries": 1,
    }
    [project] = service.call("DescribeProjects")["ProjectDescriptions"]
    assert [row["DatasetArn"] for row in project["Datasets"]] == [arn]


def test_a_project_has_one_dataset_of_each_kind(service: InMemoryService) -> None:
    project = service.create_project()
    dataset(service, project, "TRAIN")
    again = {"ProjectArn": project, "DatasetType": "TRAIN"}
    assert service.expect_error("CreateDataset", **again) == "ResourceAlreadyExistsException"
    assert service.expect_error("DeleteProject", ProjectArn=project) == "ResourceInUseException"


def test_a_missing_manifest_is_refused_and_leaves_nothing(service: InMemoryService) -> None:
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": "absent"}}}
    request = {"ProjectArn": service.create_project(), "DatasetType": "TRAIN", "DatasetSource": source}
    assert service.expect_error("CreateDataset", **request) == "InvalidS3ObjectException"
    assert service.call("DescribeProjects")["ProjectDescriptions"][0]["Datasets"] == []


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        ("no json\n" * 3 + manifest_line("s3://parts/a.jpg", "ok"), "ERROR_TOO_MANY_RECORDS_IN_ERROR"),
        (
            "\n".join(lines(*(f"label {number}" for number in range(251)))),
            "ERROR_MANIFEST_TOO_MANY_LABELS",
        ),
    ],
)
def test_a_manifest_that_breaks_a_rule_fails_the_dataset_with_aws_error_name(
    service: InMemoryService, manifest: str, code: str
) -> None:
    description = describe(service, dataset(service, service.create_project(), "TRAIN", manifest))
    assert (description["Status"], description["StatusMessageCode"]) == ("CREATE_FAILED", "CLIENT_ERROR")
    assert description["StatusMessage"].startswith(code)


@pytest.mark.parametrize(
    ("filters", "sources"),
    [
        ({}, ["0", "1", "2", "plain", "bad"]),
        ({"Labeled": True}, ["0", "1", "2"]),
        ({"Labeled": False, "HasErrors": False}, ["0", "1", "2", "plain", "bad"]),
        ({"HasErrors": True}, ["bad"]),
        ({"ContainsLabels": ["defect", "absent"]}, ["2"]),
        ({"SourceRefContains": "photos/"}, ["0", "1", "2"]),
    ],
)
def test_entries_are_filtered(service: InMemoryService, filters: dict[str, Any], sources: list[str]) -> None:
    arn = dataset(
        service, service.create_project(), "TRAIN", *lines("ok", "ok", "defect"), NO_LABEL, BAD_LABEL
    )
    entries = service.call("ListDatasetEntries", DatasetArn=arn, **filters)["DatasetEntries"]
    names = [json.loads(entry)["source-ref"].rsplit("/", 1)[1].removesuffix(".jpg") for entry in entries]
    assert names == sources


def test_an_entry_with_errors_says_which(service: InMemoryService) -> None:
    arn = dataset(service, service.create_project(), "TRAIN", *lines(*["ok"] * 5), BAD_LABEL)
    [entry] = service.call("ListDatasetEntries", DatasetArn=arn, HasErrors=True)["DatasetEntries"]
    codes = [error["code"] for error in json.loads(entry)["errors"]]
    assert codes == ["ERROR_UNSUPPORTED_USE_CASE_TYPE", "ERROR_NO_VALID_LABEL_ATTRIBUTES"]


def test_entries_and_labels_come_in_pages(service: InMemoryService) -> None:
    names = [f"label {number:02}" for number in range(25)]
    arn = dataset(service, service.create_project(), "TRAIN", *lines(*names))
    for operation, key in (
        ("ListDatasetEntries", "DatasetEntries"),
        ("ListDatasetLabels", "DatasetLabelDescriptions"),
    ):
        seen, more = [], {"NextToken": ""}
        while more:
            page = service.call(operation, DatasetArn=arn, MaxResults=10, **more)
            seen.extend(page[key])
            more = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
        assert len(seen) == 25
    assert [row["LabelName"] for row in seen] == names
    token = service.call("ListDatasetEntries", DatasetArn=arn, MaxResults=1)["NextToken"]
    other = {"DatasetArn": arn, "NextToken": token, "HasErrors": True}
    assert service.expect_error("ListDatasetEntries", **other) == "InvalidPaginationTokenException"


def test_an_update_replaces_stored_images_and_appends_others(service: InMemoryService) -> None:
    arn = dataset(service, service.create_project(), "TRAIN", *lines("ok", "ok"))
    changes = "\n".join(
        [
            manifest_line("s3://parts/photos/1.jpg", "defect"),
            manifest_line("s3://parts/photos/9.jpg", "crack"),
        ]
    )
    ground_truth = {"GroundTruth": base64.b64encode(changes.encode()).decode()}
    service.call("UpdateDatasetEntries", DatasetArn=arn, Changes=ground_truth)

    labels = service.call("ListDatasetLabels", DatasetArn=arn)["DatasetLabelDescriptions"]
    counted = {row["LabelName"]: row["LabelStats"]["EntryCount"] for row in labels}
    assert counted == {"ok": 1, "defect": 1, "crack": 1}
    assert describe(service, arn)["Status"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize("changes", [b"no json", b'{"source-ref": "http://x"}', b"\xff\xfe", b"[1"])
def test_an_update_with_an_invalid_line_changes_nothing(service: InMemoryService, changes: bytes) -> None:
    arn = dataset(service, service.create_project(), "TRAIN", *lines("ok"))
    request = {"DatasetArn": arn, "Changes": {"GroundTruth": base64.b64encode(changes).decode()}}
    assert service.expect_error("UpdateDatasetEntries", **request) == "InvalidParameterException"
    assert describe(service, arn)["Status"] == "CREATE_COMPLETE"


def test_a_fifth_of_each_label_is_distributed_into_an_empty_test_set(service: InMemoryService) -> None:
    project = service.create_project()
    train = dataset(service, project, "TRAIN", *lines(*["ok"] * 20, *["defect"] * 10))
    test = dataset(service, project, "TEST")
    service.call("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])

    counts = {
        row["LabelName"]: row["LabelStats"]["EntryCount"]
        for row in service.call("ListDatasetLabels", DatasetArn=test)["DatasetLabelDescriptions"]
    }
    assert counts == {"ok": 4, "defect": 2}
    assert describe(service, train)["DatasetStats"]["TotalEntries"] == 24
    twice = [{"Arn": train}, {"Arn": test}]
    assert service.expect_error("DistributeDatasetEntries", Datasets=twice) == "InvalidParameterException"
    same = [{"Arn": train}, {"Arn": train}]
    assert service.expect_error("DistributeDatasetEntries", Datasets=same) == "InvalidParameterException"


def test_a_label_with_one_image_cannot_be_distributed(service: InMemoryService) -> None:
    project = service.create_project()
    train, test = (
        dataset(service, project, "TRAIN", *lines("ok", "ok", "defect")),
        dataset(service, project, "TEST"),
    )
    service.call("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])
    description = describe(service, train)
    assert description["Status"] == "UPDATE_FAILED"
    assert description["StatusMessage"].startswith("ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE")


def test_a_dataset_is_copied_and_deleted(service: InMemoryService) -> None:
    first = dataset(service, service.create_project("a"), "TRAIN", *lines("ok", "defect"))
    request = {"DatasetType": "TRAIN", "DatasetSource": {"DatasetArn": first}}
    copy = service.call("CreateDataset", ProjectArn=service.create_project("b"), **request)["DatasetArn"]
    service.call("DeleteDataset", DatasetArn=first)
    assert describe(service, copy)["DatasetStats"]["TotalEntries"] == 2
    for operation in ("DescribeDataset", "ListDatasetEntries", "ListDatasetLabels", "DeleteDataset"):
        assert service.expect_error(operation, DatasetArn=first) == "ResourceNotFoundException"
