"""Object files whose write was cut short, and a full disk."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import object_file_sync
from local.object_file_sync import StorageFailedError

BUCKET = "000000000000/partcheck-inbound"


def write(directory: Path, name: str, content: bytes, version: str = "") -> Path:
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if version:
        file.with_name(f"{file.name}.meta.json").write_text(json.dumps({"version_id": version}))
    return file


def test_a_complete_object_is_kept(tmp_path: Path) -> None:
    file = write(tmp_path, f"{BUCKET}/line/1.jpg", b"photo", version="1")

    object_file_sync.repair_cut_writes(tmp_path)

    assert file.read_bytes() == b"photo"


def test_an_object_without_its_description_was_never_acknowledged_and_is_deleted(tmp_path: Path) -> None:
    file = write(tmp_path, f"{BUCKET}/line/1.jpg", b"half of a pho")
    draft = write(tmp_path, f"{BUCKET}/line/2.jpg.tmp", b"draft")

    object_file_sync.repair_cut_writes(tmp_path)

    assert not file.exists()
    assert not draft.exists()


def test_an_overwrite_that_was_cut_short_leaves_the_version_before(tmp_path: Path) -> None:
    file = write(tmp_path, f"{BUCKET}/1.jpg", b"the second, not acknowledged", version="first")
    write(tmp_path, f".versions/{BUCKET}/first/1.jpg", b"the first")

    object_file_sync.repair_cut_writes(tmp_path)

    assert file.read_bytes() == b"the first"


def test_an_overwrite_that_was_complete_stays(tmp_path: Path) -> None:
    file = write(tmp_path, f"{BUCKET}/1.jpg", b"the second", version="second")
    write(tmp_path, f".versions/{BUCKET}/first/1.jpg", b"the first")

    object_file_sync.repair_cut_writes(tmp_path)

    assert file.read_bytes() == b"the second"


def test_a_full_disk_is_refused_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    object_file_sync.check_free_space(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=10, f_frsize=1024**2))

    with pytest.raises(
        StorageFailedError, match=r"The disk of .* is full \(10 MB are free\): free some space"
    ):
        object_file_sync.check_free_space(tmp_path)
