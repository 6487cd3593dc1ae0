import json
from pathlib import Path

import pytest

from local.labelled_parts import PhotoFile, batches, check_labels, manifest_line, means_ok, parts_from_folder
from workflow.errors import ConfigurationError


def photos(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return root


def test_sub_folders_are_labels(tmp_path: Path) -> None:
    photos(tmp_path, "ok/a.jpg", "ok/b.JPEG", "defect/c.PNG", "defect/deep/d.jpg")

    parts = parts_from_folder(tmp_path)

    assert [(part.label, part.name) for part in parts] == [
        ("defect", "c.PNG"),
        ("defect", "d.jpg"),
        ("ok", "a.jpg"),
        ("ok", "b.JPEG"),
    ]
    assert parts[2].content == b"ok/a.jpg"


def test_other_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    photos(tmp_path, "ok/a.jpg", "defect/b.jpg", "ok/notes.txt", "ok/._a.jpg", ".git/c.jpg", "d.jpg")

    assert [part.name for part in parts_from_folder(tmp_path)] == ["b.jpg", "a.jpg"]


def test_a_folder_without_photos_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no photos: put"):
        parts_from_folder(photos(tmp_path, "ok/readme.txt"))


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="only 'ok'"):
        parts_from_folder(photos(tmp_path, "ok/a.jpg"))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        parts_from_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("label", ["ok", "OK", "okay", "ok_front", "Good", "good-part"])
def test_labels_of_sound_parts(label: str) -> None:
    assert means_ok(label)


@pytest.mark.parametrize("label", ["defect", "def_front", "not ok", "crack", ""])
def test_labels_of_defects(label: str) -> None:
    assert not means_ok(label)


@pytest.mark.parametrize("labels", [{"ok", "good"}, {"crack", "burr"}])
def test_labels_of_one_kind_are_refused(labels: set[str]) -> None:
    with pytest.raises(ConfigurationError, match="one kind only"):
        check_labels(labels)


def test_a_manifest_line_is_what_ground_truth_writes() -> None:
    line = manifest_line("s3://bucket/ok/tür.jpg", "ok", ["defect", "ok"], "2025-01-02T03:04:05")

    assert "tür" in line
    assert json.loads(line) == {
        "source-ref": "s3://bucket/ok/tür.jpg",
        "verdict": 1,
        "verdict-metadata": {
            "confidence": 1,
            "class-name": "ok",
            "human-annotated": "yes",
            "creation-date": "2025-01-02T03:04:05",
            "type": "groundtruth/image-classification",
            "job-name": "labeling-job/partcheck",
        },
    }


def test_batches_keep_order_and_lose_nothing() -> None:
    parts = [PhotoFile(Path(str(number)), "ok") for number in range(7)]

    assert [[part.name for part in batch] for batch in batches(parts, 3)] == [
        ["0", "1", "2"],
        ["3", "4", "5"],
        ["6"],
    ]
