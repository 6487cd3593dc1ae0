"""Folders and S3 prefixes are listed by one rule, and everything left out is counted."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from datasets.folder_labels import check_labels
from datasets.labelled_photos import photos_from_bucket, photos_from_folder
from datasets.photo_listing import LeftOut, list_folder, list_keys
from tests.part_photos import part_photo
from tests.unit.datasets.bucket_client import BucketClient
from workflow.errors import ConfigurationError
from workflow.inspections.default_label_rules import is_ok_label

COMPANIONS = (
    *("ok/._a.jpg", "ok/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/ok/a.jpg", "#recycle/a.jpg"),
    *("ok/.hidden/b.jpg", ".trash.jpg", "ok/~a.jpg", "ok/notes.txt", "ok/a.jpg.tmp", "ok/deep/Thumbs.db"),
)


def write_photos(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.fsencode(name))
    return root


def test_a_folder_and_a_prefix_leave_out_the_same_and_count_it(tmp_path: Path) -> None:
    names = ("ok/a.jpg", "ok/deep/b.JPEG", "c.PNG", *COMPANIONS)
    folder = list_folder(write_photos(tmp_path, *names))
    prefix = list_keys([*names, "ok/", "ok/deep/"])

    assert folder == prefix
    assert sorted(folder.names) == ["c.PNG", "ok/a.jpg", "ok/deep/b.JPEG"]
    assert folder.left_out == {LeftOut.COMPANION: 4, LeftOut.HIDDEN: 3, LeftOut.OTHER: 3}
    sentence = folder.describe_left_out()
    assert sentence.startswith("Left out 10 entries in folders: ")
    assert "\n" not in sentence


def test_links_are_followed_once_and_loops_are_refused(tmp_path: Path) -> None:
    other = write_photos(tmp_path / "other", "d.jpg", "deep/e.jpg")
    root = write_photos(tmp_path / "root", "line/a.jpg", "line/z.jpg")
    (root / "again").symlink_to(root / "line")
    (root / "first").symlink_to(other)
    (root / "second").symlink_to(other)
    (root / "line" / "b.jpg").symlink_to(root / "line" / "a.jpg")
    (root / "line" / "c").symlink_to(tmp_path / "nowhere")
    (root / "line" / "self").symlink_to(root / "line" / "self")
    (root / "line" / "up").symlink_to("..")
    (root / "parent").symlink_to(tmp_path)
    (other / "back").symlink_to(root)

    listing = list_folder(root)

    assert listing.names == ["first/d.jpg", "first/deep/e.jpg", "line/a.jpg", "line/z.jpg"]
    assert listing.left_out == {LeftOut.LINK: 8}


def test_a_named_pipe_is_counted_and_never_opened(tmp_path: Path) -> None:
    write_photos(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("pipe.jpg")

    listing = list_folder(tmp_path)

    assert listing.names == ["a.jpg"]
    assert listing.left_out == {LeftOut.SPECIAL: 1, LeftOut.LINK: 1}


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(PermissionError):
        list_folder(tmp_path)


@pytest.fixture
def layout(tmp_path: Path, bucket: BucketClient) -> tuple[Path, str]:
    """The same layout in a folder and in a bucket, with a second level below the labels."""
    names = ("ok/bad_light/a.jpg", "ok/b.jpg", "crack/good_light/c.jpg", "crack/@eaDir/c.jpg", "stray.jpg")
    for name in names:
        bucket.objects[f"plant/{name}"] = (name.encode(), {})
    return write_photos(tmp_path / "plant", *names), "s3://bucket/plant"


def test_the_first_level_below_the_root_is_the_label_in_folders_and_prefixes(
    layout: tuple[Path, str],
) -> None:
    folder, uri = layout
    told: dict[str, list[str]] = {"folder": [], "bucket": []}

    local = photos_from_folder(folder, told["folder"].append)
    remote = photos_from_bucket(uri, told["bucket"].append)

    labelled = [("crack", "crack/good_light/c.jpg"), ("ok", "ok/b.jpg"), ("ok", "ok/bad_light/a.jpg")]
    assert [(photo.label, photo.name) for photo in local] == labelled
    assert [(photo.label, photo.name) for photo in remote] == labelled
    assert [photo.read() for photo in local] == [photo.read() for photo in remote]
    assert remote[0].source == "s3://bucket/plant/crack/good_light/c.jpg"
    for root, sentences in ((str(folder), told["folder"]), (uri, told["bucket"])):
        assert "1 not in a folder named after a label" in sentences[0]
        assert sentences[1] == f"Labels by the first folder below {root}: 1 crack, 2 ok."


def test_names_that_are_not_utf_8_are_one_sentence(tmp_path: Path) -> None:
    write_photos(tmp_path, "ok/a.jpg", "crack/Gr\udcf6\udcdfe.jpg")

    with pytest.raises(ConfigurationError, match="Gr\udcf6\udcdfe"):
        photos_from_folder(tmp_path, lambda _: None)


def test_a_photo_whose_link_leads_to_nothing_is_not_passed_over(tmp_path: Path) -> None:
    write_photos(tmp_path, "ok/a.jpg", "crack/b.jpg")
    (tmp_path / "ok" / "c.jpg").symlink_to("nowhere.jpg")

    with pytest.raises(ConfigurationError, match=r"ok/c\.jpg is a link that leads to nothing"):
        photos_from_folder(tmp_path, lambda _: None)


def test_a_folder_without_photos_is_refused_with_what_to_do(tmp_path: Path) -> None:
    told: list[str] = []

    with pytest.raises(ConfigurationError, match="has no labelled photos: put"):
        photos_from_folder(write_photos(tmp_path, "ok/readme.txt", "a.jpg"), told.append)

    assert told == [
        "Left out 2 entries in folders: 1 not .jpg, .jpeg or .png; 1 not in a folder named after a label."
    ]


def test_a_single_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="only 'ok'"):
        photos_from_folder(write_photos(tmp_path, "ok/a.jpg"), lambda _: None)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a folder"):
        photos_from_folder(tmp_path / "nowhere", lambda _: None)


@pytest.mark.parametrize("label", ["ok", "OK", "okay", "ok_front", "Good", "good-part"])
def test_labels_of_sound_parts(label: str) -> None:
    assert is_ok_label(label)


@pytest.mark.parametrize("label", ["defect", "def_front", "not ok", "crack", ""])
def test_labels_of_defects(label: str) -> None:
    assert not is_ok_label(label)


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        ({"ok", "good"}, "a label of defects is missing .*: add a folder of defects"),
        ({"crack", "burr"}, "a label of sound parts is missing .*: add a folder of them, named ok"),
        ({"MT_Blowhole", "MT_Free"}, "if MT_Free holds them, rename it to ok_MT_Free"),
    ],
)
def test_labels_of_one_kind_are_refused_with_the_missing_label_and_how_to_name_it(
    labels: set[str], remedy: str
) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        check_labels(labels)


def test_masks_are_left_out_and_counted(tmp_path: Path) -> None:
    """A mask is known by its name, or as a PNG of two values; a JPEG of two greys is a photo."""
    write_photos(
        tmp_path, "ok/a.jpg", "crack/b.jpg", "crack/b_mask.png", "crack/c_MASK.jpg", "crack/broken.png"
    )
    photo = part_photo(1)
    (tmp_path / "crack/d.png").write_bytes(photo)
    with Image.open(io.BytesIO(photo)) as picture:
        picture.point(lambda value: 255 * (value > 128)).save(tmp_path / "crack/e.png")
    told: list[str] = []
    names = [photo.name for photo in photos_from_folder(tmp_path, told.append)]
    assert names == ["crack/b.jpg", "crack/broken.png", "crack/d.png", "ok/a.jpg"]
    assert "3 a mask (*_mask.*, or a PNG of at most two values)" in told[0]
