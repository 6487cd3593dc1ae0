"""Photos in folders are listed with their labels."""

from pathlib import Path

import pytest

from datasets.photo_folder import check_labels, list_labelled_files
from workflow.errors import ConfigurationError
from workflow.inspections.label_rules import is_ok_label


def write_photos(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return root


def test_sub_folders_are_labels(tmp_path: Path) -> None:
    write_photos(tmp_path, "ok/a.jpg", "ok/b.JPEG", "defect/c.PNG", "defect/deep/d.jpg")

    files = list_labelled_files(tmp_path)

    assert [(file.label, file.path.name) for file in files] == [
        ("defect", "c.PNG"),
        ("defect", "d.jpg"),
        ("ok", "a.jpg"),
        ("ok", "b.JPEG"),
    ]
    assert files[2].path.read_bytes() == b"ok/a.jpg"


def test_other_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    write_photos(tmp_path, "ok/a.jpg", "defect/b.jpg", "ok/notes.txt", "ok/._a.jpg", ".git/c.jpg", "d.jpg")

    assert [file.path.name for file in list_labelled_files(tmp_path)] == ["b.jpg", "a.jpg"]


def test_a_folder_without_photos_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no photos: put"):
        list_labelled_files(write_photos(tmp_path, "ok/readme.txt"))


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="only 'ok'"):
        list_labelled_files(write_photos(tmp_path, "ok/a.jpg"))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        list_labelled_files(tmp_path / "nowhere")


@pytest.mark.parametrize("label", ["ok", "OK", "okay", "ok_front", "Good", "good-part"])
def test_labels_of_sound_parts(label: str) -> None:
    assert is_ok_label(label)


@pytest.mark.parametrize("label", ["defect", "def_front", "not ok", "crack", ""])
def test_labels_of_defects(label: str) -> None:
    assert not is_ok_label(label)


@pytest.mark.parametrize("labels", [{"ok", "good"}, {"crack", "burr"}])
def test_labels_of_one_kind_are_refused(labels: set[str]) -> None:
    with pytest.raises(ConfigurationError, match="one kind only"):
        check_labels(labels)
