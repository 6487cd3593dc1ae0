"""Data sets are validated by AWS's rules and by the leakage guard."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cli.dataset import import_photos
from datasets import validation
from datasets.ground_truth import format_line
from datasets.labelled_photos import photos_from_folder, photos_from_manifest_file
from local.sample_parts import SamplePart, generate_parts
from tests.copies import decode_grey, mirrored
from workflow.errors import ConfigurationError

pytestmark = pytest.mark.xdist_group("validation")

LABELS = ["crack", "ok"]


def validate(training: Path, testing: Path | None = None, copies: Path | None = None) -> dict[str, Any]:
    return validation.validate(training, testing, copies, lambda _done, _detail: None).to_dict(0.01)


def codes(document: dict[str, Any]) -> set[str]:
    return {error["code"] for error in document["errors"]}


def line(name: str, label: str = "ok", bucket: str = "bucket") -> str:
    return format_line(f"s3://{bucket}/{name}", label, sorted({*LABELS, label}), "2026-01-01T00:00:00")


def manifest(folder: Path, name: str, *lines: str) -> Path:
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def valid_lines(tmp_path: Path) -> tuple[str, ...]:
    return tuple(line(f"{label}/{n}.jpg", label) for label in LABELS for n in range(5))


def test_a_valid_manifest_has_no_errors(tmp_path: Path, valid_lines: tuple[str, ...]) -> None:
    document = validate(manifest(tmp_path, "m", *valid_lines))

    assert (document["refused"], document["errors"]) == (False, [])


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
def test_a_data_set_that_aws_would_refuse_gets_its_error_name(
    tmp_path: Path, lines: tuple[str, ...], code: str
) -> None:
    document = validate(manifest(tmp_path, "m", *lines))

    assert code in codes(document)
    assert document["refused"]


def test_a_few_invalid_lines_are_reported_and_allowed(tmp_path: Path, valid_lines: tuple[str, ...]) -> None:
    document = validate(manifest(tmp_path, "m", *valid_lines, "{"))

    assert codes(document) == {"ERROR_INVALID_JSON_LINE"}
    assert "line 11" in document["errors"][0]["where"]
    assert not document["refused"]


def test_both_sets_must_share_half_of_their_labels_and_one_bucket(
    tmp_path: Path, valid_lines: tuple[str, ...]
) -> None:
    test = [
        line(f"{label}/{n}.jpg", label, "elsewhere") for label in ("dent", "burr", "ok") for n in range(3)
    ]

    document = validate(manifest(tmp_path, "m", *valid_lines), manifest(tmp_path, "t", *test))

    assert codes(document) == {"ERROR_INSUFFICIENT_LABEL_OVERLAP", "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"}


def test_a_file_that_is_no_text_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"\xff\xfe\x00")

    assert codes(validate(tmp_path / "m")) == {"ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"}


@pytest.mark.parametrize("twin", ["ok ", " ok", "OK", "\uff4fk", "o\u200bk", "o\u00adk"])
def test_labels_that_look_alike_are_an_error(tmp_path: Path, valid_lines: tuple[str, ...], twin: str) -> None:
    document = validate(manifest(tmp_path, "m", *valid_lines, line("9.jpg", twin), line("8.jpg", twin)))

    assert codes(document) == {"LABEL_NAMES_LOOK_ALIKE"}
    assert ascii(twin) in document["errors"][0]["message"]
    assert document["refused"]


def test_composed_and_decomposed_labels_of_two_sets_are_an_error(
    tmp_path: Path, valid_lines: tuple[str, ...]
) -> None:
    composed, decomposed = "L\u00fccke", "Lu\u0308cke"
    training = [*valid_lines, *(line(f"{n}.jpg", composed) for n in range(10, 13))]
    test = [line(f"{label}/t{n}.jpg", label) for label in ("ok", "crack", decomposed) for n in range(3)]

    document = validate(manifest(tmp_path, "m", *training), manifest(tmp_path, "t", *test))

    assert codes(document) == {"LABEL_NAMES_LOOK_ALIKE"}
    assert document["refused"]


def test_a_manifest_with_lines_of_mac_os_9_is_judged_as_the_service_judges_it(
    tmp_path: Path, valid_lines: tuple[str, ...]
) -> None:
    file = tmp_path / "m"
    file.write_bytes("\r".join(valid_lines).encode())

    document = validate(file)

    assert "ERROR_INVALID_JSON_LINE" in codes(document)
    assert document["refused"]


def test_a_named_pipe_is_no_manifest_and_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m")

    assert codes(validate(tmp_path / "m")) == {"ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT"}


def test_a_photo_on_both_sides_of_a_manifest_is_found_by_its_name(
    tmp_path: Path, valid_lines: tuple[str, ...]
) -> None:
    document = validate(
        manifest(tmp_path, "m", *valid_lines), manifest(tmp_path, "t", *valid_lines[:1], *valid_lines[-1:])
    )

    assert document["leaking_share"] == 1.0
    assert "--photos" in document["verdict"]


@pytest.fixture(scope="module")
def parts() -> list[SamplePart]:
    return list(generate_parts(66, seed=21))


@pytest.fixture
def folders(tmp_path: Path, parts: list[SamplePart]) -> tuple[Path, Path]:
    """Write sixty parts to train on, and a test of seven; one of them mirrors a training photo."""
    import numpy as np

    train, test = tmp_path / "train", tmp_path / "test"
    for number, part in enumerate(parts):
        file = (train if number < 60 else test) / part.label / f"{number:02}.jpeg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(part.content)
        if number == 3:
            copy = test / part.label / "copy.jpeg"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(mirrored(decode_grey(part.content), np.random.default_rng(1)))
    return train, test


def test_folders_are_refused_for_a_part_on_both_sides_and_a_new_split_has_none(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    train, test = folders
    document = validate(train, test)

    assert document["refused"]
    assert [(pair["kind"], Path(pair["second"]).name) for pair in document["pairs"]] == [
        ("training and test", "copy.jpeg")
    ]
    assert document["leaking_share"] == pytest.approx(1 / 7)
    both = tuple(photos_from_folder(side, str) for side in folders)
    with pytest.raises(ConfigurationError, match=r"14.3% of its photos show parts .*copy\.jpeg"):
        import_photos.refuse_leaks(both)
    accepted = import_photos.refuse_leaks(both, limit=0.2)
    assert [len(side) for side in accepted] == [60, 7]
    assert all(photo.part for side in accepted for photo in side)

    result = validation.validate(train, test, None, lambda _done, _detail: None)
    before = sorted(path.stat().st_mtime_ns for path in train.rglob("*"))
    written = validation.write_split(result, tmp_path / "lists", 0.2)
    assert sum(written.values()) == 67
    sides = [set((tmp_path / "lists" / name).read_text().split("\n")) for name in ("train.txt", "test.txt")]
    pair = {document["pairs"][0]["first"], document["pairs"][0]["second"]}
    assert any(pair <= side for side in sides)
    assert sorted(path.stat().st_mtime_ns for path in train.rglob("*")) == before


def test_a_photo_that_the_service_cannot_read_is_named(folders: tuple[Path, Path]) -> None:
    train, _ = folders
    (train / "ok" / "broken.jpeg").write_bytes(b"not a photo")

    document = validate(train)

    assert [(error["code"], "broken.jpeg" in error["where"]) for error in document["errors"]] == [
        ("ERROR_INVALID_IMAGE", True)
    ]
    assert not document["refused"]


def test_manifests_are_split_line_by_line(folders: tuple[Path, Path], tmp_path: Path) -> None:
    train, _ = folders
    lines = [
        line(f"{file.parent.name}/{file.name}", file.parent.name) for file in sorted(train.rglob("*.jpeg"))
    ]
    manifest_file = manifest(tmp_path, "m", *(text.replace("crack", "defect") for text in lines))
    ignore = lambda _done, _detail: None  # noqa: E731

    with pytest.raises(ConfigurationError, match="--photos"):
        validation.write_split(validation.validate(manifest_file, None, None, ignore), tmp_path / "out", 0.2)
    validation.write_split(validation.validate(manifest_file, None, train, ignore), tmp_path / "out", 0.2)

    written = [
        json.loads(text)["source-ref"]
        for name in ("train", "test")
        for text in (tmp_path / "out" / f"{name}.manifest").read_text().splitlines()
    ]
    assert len(written) == len(set(written)) == 60


def test_a_written_split_is_read_back_as_the_same_sides(folders: tuple[Path, Path], tmp_path: Path) -> None:
    train, _ = folders
    lists = tmp_path / "lists"
    validation.write_split(validation.validate(train, None, None, lambda _done, _total: None), lists, 0.2)

    sides = import_photos.read_split(train, lists)

    assert [len(photos) for photos in sides] == [48, 12]
    assert not {photo.name for photo in sides[0]} & {photo.name for photo in sides[1]}


def test_a_list_that_names_a_missing_photo_or_is_missing_is_refused(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "train.txt").write_text("ok/none.jpeg\n")

    with pytest.raises(ConfigurationError, match=r"names ok/none\.jpeg, which is not in the folder"):
        import_photos.read_split(folders[0], tmp_path)
    with pytest.raises(ConfigurationError, match="--split-by-part"):
        import_photos.read_split(folders[0], tmp_path / "nowhere")


def test_a_manifest_is_a_source_of_photos_and_its_first_wrong_line_is_named(
    tmp_path: Path, valid_lines: tuple[str, ...]
) -> None:
    photos = photos_from_manifest_file(manifest(tmp_path, "m", *valid_lines))

    assert [(photo.label, photo.source) for photo in photos[:1]] == [("crack", "s3://bucket/crack/0.jpg")]
    with pytest.raises(ConfigurationError, match="line 11: ERROR_INVALID_JSON_LINE"):
        photos_from_manifest_file(manifest(tmp_path, "n", *valid_lines, "{"))
