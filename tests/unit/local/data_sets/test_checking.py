import json
from pathlib import Path
from typing import Any

import pytest

from local.data_sets import checking
from local.labelled_parts import manifest_line
from local.sample_parts import SamplePart, sample_parts
from tests.copies import mirrored, opened
from workflow.errors import ConfigurationError

pytestmark = pytest.mark.xdist_group("checking")

LABELS = ["crack", "ok"]


def look(training: Path, testing: Path | None = None, copies: Path | None = None) -> dict[str, Any]:
    return checking.check(training, testing, copies, lambda _done, _detail: None).document(0.01)


def codes(document: dict[str, Any]) -> set[str]:
    return {one["code"] for one in document["complaints"]}


def line(name: str, label: str = "ok", bucket: str = "bucket") -> str:
    return manifest_line(f"s3://{bucket}/{name}", label, sorted({*LABELS, label}), "2026-01-01T00:00:00")


def manifest(folder: Path, name: str, *lines: str) -> Path:
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def sound(tmp_path: Path) -> tuple[str, ...]:
    return tuple(line(f"{label}/{n}.jpg", label) for label in LABELS for n in range(5))


def test_a_sound_manifest_is_fine(tmp_path: Path, sound: tuple[str, ...]) -> None:
    document = look(manifest(tmp_path, "m", *sound))

    assert (document["refused"], document["complaints"]) == (False, [])


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), "ERROR_EMPTY_MANIFEST"),
        (("{",) * 5, "ERROR_INVALID_JSON_LINE"),
        (("{}",) * 5, "ERROR_MISSING_SOURCE_REF"),
        (("{}",) * 5, "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"),
        (tuple(line(f"{n}.jpg") for n in range(5)), "ERROR_MANIFEST_TOO_FEW_LABELS"),
        (tuple(line(f"{n}.jpg", f"l{n}") for n in range(251)), "ERROR_MANIFEST_TOO_MANY_LABELS"),
        ((line("1.jpg", "ok", "one"), line("2.jpg", "crack", "two")), "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"),
        ((line("1.jpg", "ok"), line("2.jpg", "crack")), "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT"),
    ],
)
def test_what_aws_refuses_is_called_by_its_name(tmp_path: Path, lines: tuple[str, ...], code: str) -> None:
    document = look(manifest(tmp_path, "m", *lines))

    assert code in codes(document)
    assert document["refused"]


def test_a_few_bad_lines_are_told_and_allowed(tmp_path: Path, sound: tuple[str, ...]) -> None:
    document = look(manifest(tmp_path, "m", *sound, "{"))

    assert codes(document) == {"ERROR_INVALID_JSON_LINE"}
    assert "line 11" in document["complaints"][0]["where"]
    assert not document["refused"]


def test_both_sets_must_share_half_of_their_labels_and_one_bucket(
    tmp_path: Path, sound: tuple[str, ...]
) -> None:
    test = [
        line(f"{label}/{n}.jpg", label, "elsewhere") for label in ("dent", "burr", "ok") for n in range(3)
    ]

    document = look(manifest(tmp_path, "m", *sound), manifest(tmp_path, "t", *test))

    assert codes(document) == {"ERROR_INSUFFICIENT_LABEL_OVERLAP", "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"}


def test_bytes_that_are_no_text_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"\xff\xfe\x00")

    assert codes(look(tmp_path / "m")) == {"ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"}


def test_a_photo_on_both_sides_of_a_manifest_is_found_by_its_name(
    tmp_path: Path, sound: tuple[str, ...]
) -> None:
    document = look(manifest(tmp_path, "m", *sound), manifest(tmp_path, "t", *sound[:1], *sound[-1:]))

    assert document["leaking_share"] == 1.0
    assert "--photos" in document["verdict"]


@pytest.fixture(scope="module")
def parts() -> list[SamplePart]:
    return list(sample_parts(66, seed=21))


@pytest.fixture
def folders(tmp_path: Path, parts: list[SamplePart]) -> tuple[Path, Path]:
    """Sixty parts to learn from, and a test of six of which one is a mirrored photo of the training set."""
    import numpy as np

    train, test = tmp_path / "train", tmp_path / "test"
    for number, part in enumerate(parts):
        place = (train if number < 60 else test) / part.label / f"{number:02}.jpeg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(part.content)
        if number == 3:
            copy = test / part.label / "copy.jpeg"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(mirrored(opened(part.content), np.random.default_rng(1)))
    return train, test


def test_folders_are_refused_for_a_part_on_both_sides_and_a_new_division_has_none(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    train, test = folders
    document = look(train, test)

    assert document["refused"]
    assert [(pair["kind"], Path(pair["second"]).name) for pair in document["pairs"]] == [
        ("training and test", "copy.jpeg")
    ]
    assert document["leaking_share"] == pytest.approx(1 / 7)

    found = checking.check(train, test, None, lambda _done, _detail: None)
    before = sorted(path.stat().st_mtime_ns for path in train.rglob("*"))
    written = checking.write_split(found, tmp_path / "lists", 0.2)
    assert sum(written.values()) == 67
    sides = [set((tmp_path / "lists" / name).read_text().split("\n")) for name in ("train.txt", "test.txt")]
    pair = {document["pairs"][0]["first"], document["pairs"][0]["second"]}
    assert any(pair <= side for side in sides)
    assert sorted(path.stat().st_mtime_ns for path in train.rglob("*")) == before


def test_a_photo_that_the_service_would_not_read_is_named(folders: tuple[Path, Path]) -> None:
    train, _ = folders
    (train / "ok" / "broken.jpeg").write_bytes(b"not a photo")

    document = look(train)

    assert [(one["code"], "broken.jpeg" in one["where"]) for one in document["complaints"]] == [
        ("ERROR_INVALID_IMAGE", True)
    ]
    assert not document["refused"]


def test_manifests_are_divided_line_by_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    train, _ = folders
    lines = [line(f"{one.parent.name}/{one.name}", one.parent.name) for one in sorted(train.rglob("*.jpeg"))]
    file = manifest(tmp_path, "m", *(text.replace("crack", "defect") for text in lines))
    quiet = lambda _done, _detail: None  # noqa: E731

    with pytest.raises(ConfigurationError, match="--photos"):
        checking.write_split(checking.check(file, None, None, quiet), tmp_path / "out", 0.2)
    checking.write_split(checking.check(file, None, train, quiet), tmp_path / "out", 0.2)

    written = [
        json.loads(text)["source-ref"]
        for name in ("train", "test")
        for text in (tmp_path / "out" / f"{name}.manifest").read_text().splitlines()
    ]
    assert len(written) == len(set(written)) == 60
