"""Data sets: what is kept of a manifest, how it is listed, changed and divided."""

import base64
import json
from typing import Any

import pytest

from local.custom_labels.objects import Place
from tests.unit.local.custom_labels.workbench import Workbench, line

NO_LABEL = json.dumps({"source-ref": "s3://parts/plain.jpg"})
BAD_LABEL = json.dumps({"source-ref": "s3://parts/bad.jpg", "x": "1", "x-metadata": {}})


def dataset(bench: Workbench, project: str, kind: str, *lines: str) -> str:
    source: dict[str, Any] = {}
    if lines:
        bench.objects.kept[Place("parts", f"{kind}.manifest")] = "\n".join(lines).encode()
        place = {"Bucket": "parts", "Name": f"{kind}.manifest"}
        source = {"DatasetSource": {"GroundTruthManifest": {"S3Object": place}}}
    return str(bench.ask("CreateDataset", ProjectArn=project, DatasetType=kind, **source)["DatasetArn"])


def lines(*labels: str, folder: str = "photos") -> list[str]:
    return [line(f"s3://parts/{folder}/{number}.jpg", label) for number, label in enumerate(labels)]


def described(bench: Workbench, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = bench.ask("DescribeDataset", DatasetArn=arn)["DatasetDescription"]
    return answer


def test_a_manifest_becomes_a_counted_dataset(bench: Workbench) -> None:
    arn = dataset(bench, bench.project(), "TRAIN", *lines("ok", "ok", "defect"), NO_LABEL, BAD_LABEL)

    about = described(bench, arn)
    assert (about["Status"], about["StatusMessageCode"]) == ("CREATE_COMPLETE", "SUCCESS")
    assert about["DatasetStats"] == {
        "LabeledEntries": 3,
        "TotalEntries": 5,
        "TotalLabels": 2,
        "ErrorEntries": 1,
    }
    [project] = bench.ask("DescribeProjects")["ProjectDescriptions"]
    assert [row["DatasetArn"] for row in project["Datasets"]] == [arn]


def test_a_project_has_one_dataset_of_each_kind(bench: Workbench) -> None:
    project = bench.project()
    dataset(bench, project, "TRAIN")
    again = {"ProjectArn": project, "DatasetType": "TRAIN"}
    assert bench.refusal("CreateDataset", **again) == "ResourceAlreadyExistsException"
    assert bench.refusal("DeleteProject", ProjectArn=project) == "ResourceInUseException"


def test_a_missing_manifest_is_refused_and_leaves_nothing(bench: Workbench) -> None:
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "parts", "Name": "absent"}}}
    request = {"ProjectArn": bench.project(), "DatasetType": "TRAIN", "DatasetSource": source}
    assert bench.refusal("CreateDataset", **request) == "InvalidS3ObjectException"
    assert bench.ask("DescribeProjects")["ProjectDescriptions"][0]["Datasets"] == []


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        ("no json\n" * 3 + line("s3://parts/a.jpg", "ok"), "ERROR_TOO_MANY_RECORDS_IN_ERROR"),
        (
            "\n".join(lines(*(f"label {number}" for number in range(251)))),
            "ERROR_MANIFEST_TOO_MANY_LABELS",
        ),
    ],
)
def test_a_manifest_beyond_the_rules_fails_the_dataset_by_aws_name(
    bench: Workbench, manifest: str, code: str
) -> None:
    about = described(bench, dataset(bench, bench.project(), "TRAIN", manifest))
    assert (about["Status"], about["StatusMessageCode"]) == ("CREATE_FAILED", "CLIENT_ERROR")
    assert about["StatusMessage"].startswith(code)


@pytest.mark.parametrize(
    ("wanted", "sources"),
    [
        ({}, ["0", "1", "2", "plain", "bad"]),
        ({"Labeled": True}, ["0", "1", "2"]),
        ({"Labeled": False, "HasErrors": False}, ["0", "1", "2", "plain", "bad"]),
        ({"HasErrors": True}, ["bad"]),
        ({"ContainsLabels": ["defect", "absent"]}, ["2"]),
        ({"SourceRefContains": "photos/"}, ["0", "1", "2"]),
    ],
)
def test_entries_are_filtered(bench: Workbench, wanted: dict[str, Any], sources: list[str]) -> None:
    arn = dataset(bench, bench.project(), "TRAIN", *lines("ok", "ok", "defect"), NO_LABEL, BAD_LABEL)
    entries = bench.ask("ListDatasetEntries", DatasetArn=arn, **wanted)["DatasetEntries"]
    found = [json.loads(entry)["source-ref"].rsplit("/", 1)[1].removesuffix(".jpg") for entry in entries]
    assert found == sources


def test_an_entry_with_errors_says_which(bench: Workbench) -> None:
    arn = dataset(bench, bench.project(), "TRAIN", *lines(*["ok"] * 5), BAD_LABEL)
    [entry] = bench.ask("ListDatasetEntries", DatasetArn=arn, HasErrors=True)["DatasetEntries"]
    codes = [error["code"] for error in json.loads(entry)["errors"]]
    assert codes == ["ERROR_UNSUPPORTED_USE_CASE_TYPE", "ERROR_NO_VALID_LABEL_ATTRIBUTES"]


def test_entries_and_labels_come_in_pages(bench: Workbench) -> None:
    names = [f"label {number:02}" for number in range(25)]
    arn = dataset(bench, bench.project(), "TRAIN", *lines(*names))
    for operation, key in (
        ("ListDatasetEntries", "DatasetEntries"),
        ("ListDatasetLabels", "DatasetLabelDescriptions"),
    ):
        seen, more = [], {"NextToken": ""}
        while more:
            page = bench.ask(operation, DatasetArn=arn, MaxResults=10, **more)
            seen.extend(page[key])
            more = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
        assert len(seen) == 25
    assert [row["LabelName"] for row in seen] == names
    token = bench.ask("ListDatasetEntries", DatasetArn=arn, MaxResults=1)["NextToken"]
    other = {"DatasetArn": arn, "NextToken": token, "HasErrors": True}
    assert bench.refusal("ListDatasetEntries", **other) == "InvalidPaginationTokenException"


def test_an_update_replaces_known_images_and_appends_others(bench: Workbench) -> None:
    arn = dataset(bench, bench.project(), "TRAIN", *lines("ok", "ok"))
    changes = "\n".join([line("s3://parts/photos/1.jpg", "defect"), line("s3://parts/photos/9.jpg", "crack")])
    ground_truth = {"GroundTruth": base64.b64encode(changes.encode()).decode()}
    bench.ask("UpdateDatasetEntries", DatasetArn=arn, Changes=ground_truth)

    labels = bench.ask("ListDatasetLabels", DatasetArn=arn)["DatasetLabelDescriptions"]
    counted = {row["LabelName"]: row["LabelStats"]["EntryCount"] for row in labels}
    assert counted == {"ok": 1, "defect": 1, "crack": 1}
    assert described(bench, arn)["Status"] == "UPDATE_COMPLETE"


@pytest.mark.parametrize("changes", [b"no json", b'{"source-ref": "http://x"}', b"\xff\xfe", b"[1"])
def test_an_update_with_an_unfit_line_changes_nothing(bench: Workbench, changes: bytes) -> None:
    arn = dataset(bench, bench.project(), "TRAIN", *lines("ok"))
    request = {"DatasetArn": arn, "Changes": {"GroundTruth": base64.b64encode(changes).decode()}}
    assert bench.refusal("UpdateDatasetEntries", **request) == "InvalidParameterException"
    assert described(bench, arn)["Status"] == "CREATE_COMPLETE"


def test_a_fifth_of_each_label_is_distributed_into_an_empty_test_set(bench: Workbench) -> None:
    project = bench.project()
    train = dataset(bench, project, "TRAIN", *lines(*["ok"] * 20, *["defect"] * 10))
    test = dataset(bench, project, "TEST")
    bench.ask("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])

    counts = {
        row["LabelName"]: row["LabelStats"]["EntryCount"]
        for row in bench.ask("ListDatasetLabels", DatasetArn=test)["DatasetLabelDescriptions"]
    }
    assert counts == {"ok": 4, "defect": 2}
    assert described(bench, train)["DatasetStats"]["TotalEntries"] == 24
    twice = [{"Arn": train}, {"Arn": test}]
    assert bench.refusal("DistributeDatasetEntries", Datasets=twice) == "InvalidParameterException"
    same = [{"Arn": train}, {"Arn": train}]
    assert bench.refusal("DistributeDatasetEntries", Datasets=same) == "InvalidParameterException"


def test_a_label_with_one_image_cannot_be_distributed(bench: Workbench) -> None:
    project = bench.project()
    train, test = (
        dataset(bench, project, "TRAIN", *lines("ok", "ok", "defect")),
        dataset(bench, project, "TEST"),
    )
    bench.ask("DistributeDatasetEntries", Datasets=[{"Arn": train}, {"Arn": test}])
    about = described(bench, train)
    assert about["Status"] == "UPDATE_FAILED"
    assert about["StatusMessage"].startswith("ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE")


def test_a_dataset_is_copied_and_deleted(bench: Workbench) -> None:
    first = dataset(bench, bench.project("a"), "TRAIN", *lines("ok", "defect"))
    request = {"DatasetType": "TRAIN", "DatasetSource": {"DatasetArn": first}}
    copy = bench.ask("CreateDataset", ProjectArn=bench.project("b"), **request)["DatasetArn"]
    bench.ask("DeleteDataset", DatasetArn=first)
    assert described(bench, copy)["DatasetStats"]["TotalEntries"] == 2
    for operation in ("DescribeDataset", "ListDatasetEntries", "ListDatasetLabels", "DeleteDataset"):
        assert bench.refusal(operation, DatasetArn=first) == "ResourceNotFoundException"
