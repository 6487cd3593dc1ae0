import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import inspect, verdict_polling
from cli.photo_paths import PhotoToUpload
from tests.crafted import png
from tests.unit.cli.conftest import CommandLine, lost, vanished, waiting
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, Pipeline
from workflow.errors import Conflict, UploadFailed
from workflow.inspections.objects import Image, inspection_id


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "left side").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(png())
    (folder / "left side" / "b.PNG").write_bytes(png())
    (folder / "notes.txt").write_text("not a photo")
    return folder


class StepClock:
    """A clock that only its own sleeps advance; `on_sleep` runs at each."""

    def __init__(self, on_sleep: Callable[[], object] = lambda: None) -> None:
        self.now, self._on_sleep = 0.0, on_sleep

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._on_sleep()


def test_photos_of_a_folder_are_uploaded_under_their_path_and_their_verdicts_printed(
    command_line: CommandLine, photos: Path
) -> None:
    command_line.pipeline.detector.answers = [CLEARLY_OK, CLEARLY_DEFECT]

    result = command_line.run("inspect", str(photos))

    assert sorted(command_line.inbox.keys) == ["photos/a.jpg", "photos/left side/b.PNG"]
    assert result.exit_code == 0
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    assert rows[0][0] == "photo"
    assert {"1 ok, 1 defect"} == {
        line.split(": ")[1] for line in result.stdout.splitlines() if "2 photos" in line
    }
    assert "Left out 1 entry in folders: 1 not .jpg, .jpeg or .png." in result.stderr
    assert "left out" not in result.stdout.lower()


def test_a_file_named_by_itself_is_uploaded_whatever_it_is_and_a_rejected_one_fails(
    command_line: CommandLine, photos: Path
) -> None:
    result = command_line.run("inspect", str(photos / "notes.txt"))

    assert command_line.inbox.keys == ["notes.txt"]
    assert "rejected notes.txt: " in result.stdout
    assert result.exit_code == 1


def test_json_is_one_object_a_photo_and_the_summary_goes_to_stderr(
    command_line: CommandLine, photos: Path
) -> None:
    result = command_line.run("inspect", "--json", str(photos))

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["path"] for one in told] == [str(photos / "a.jpg"), str(photos / "left side" / "b.PNG")]
    assert {one["verdict"] for one in told} == {"ok"}
    assert all(one["confidence"] == 0.97 and one["seconds"] is not None for one in told)
    assert "2 photos" in result.stderr


@pytest.mark.parametrize(
    ("then", "options", "code", "told"),
    [
        (waiting, (), 0, ["2 unclear", "partcheck review list"]),
        (vanished, (), 1, ["2 withdrawn", "withdrawn photos/a.jpg: deleted before it was judged"]),
        (lost, ("--timeout", "0"), 1, ["no answer yet for photos/a.jpg", "2 in flight"]),
        (lost, ("--no-wait",), 0, ["photos/a.jpg", "2 photos uploaded"]),
    ],
)
def test_what_became_of_each_photo_is_told(
    command_line: CommandLine, photos: Path, then: Any, options: tuple[str, ...], code: int, told: list[str]
) -> None:
    command_line.inbox.then = then

    result = command_line.run("inspect", *options, str(photos))

    assert result.exit_code == code
    for text in told:
        assert text in result.output


def test_the_same_file_twice_makes_two_inspections(command_line: CommandLine, photos: Path) -> None:
    result = command_line.run("inspect", "--json", str(photos / "a.jpg"), str(photos / "a.jpg"))

    ids = {json.loads(line)["id"] for line in result.stdout.splitlines()}
    assert len(ids) == 2


def test_a_folder_without_photos_is_wrong_usage(command_line: CommandLine, tmp_path: Path) -> None:
    result = command_line.run("inspect", str(tmp_path))

    assert result.exit_code == 2
    assert "contain no photo" in result.stderr


def test_companions_links_pipes_and_names_that_are_not_utf_8_are_told_before_the_first_upload(
    command_line: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "Linie"
    (folder / "@eaDir" / "a.JPG").mkdir(parents=True)
    for name in (
        "a.JPG",
        "._a.JPG",
        "Thumbs.db",
        "Gr\udcf6\udcdfe.jpg",
        "@eaDir/a.JPG/SYNOPHOTO_THUMB_M.jpg",
    ):
        (folder / name).write_bytes(png())
    (tmp_path / "andere").mkdir()
    (tmp_path / "andere" / "d.jpg").write_bytes(png())
    (folder / "link").symlink_to("../andere")
    os.mkfifo(folder / "pipe.jpg")

    result = command_line.run("inspect", str(folder), str(folder / "pipe.jpg"))

    assert sorted(command_line.inbox.keys) == ["Linie/a.JPG", "Linie/link/d.jpg"]
    assert result.exit_code == 1
    assert "Left out 4 entries in folders: " in result.stderr
    assert result.stderr.count("its name is not valid UTF-8") == 1
    assert result.stderr.count("pipe.jpg was not uploaded: it is no regular file") == 1
    assert "Traceback" not in result.stderr


def test_a_file_that_cannot_be_read_fails_alone(command_line: CommandLine, photos: Path) -> None:
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg")

    result = command_line.run("inspect", str(photos))

    assert result.exit_code == 1
    assert "gone.jpg was not uploaded: No such file or directory." in result.stderr
    assert len(command_line.inbox.keys) == 2
    assert "not uploaded" in result.stdout


@pytest.mark.parametrize("wait", ["--timeout=60", "--no-wait"])
def test_a_photo_that_the_bucket_does_not_take_fails_alone(
    command_line: CommandLine, photos: Path, wait: str
) -> None:
    taken = command_line.inbox.then

    def refuse(pipeline: Pipeline, image: Image) -> object:
        if image.key.endswith("a.jpg"):
            raise UploadFailed("SlowDown")
        return taken(pipeline, image)

    command_line.inbox.then = refuse

    result = command_line.run("inspect", "--json", wait, str(photos))

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert (told[0]["state"], told[0]["error"]) == ("not uploaded", "SlowDown")
    assert told[1]["key"] == "photos/left side/b.PNG"
    assert "a.jpg was not uploaded: SlowDown.\n" in result.stderr


def test_a_folder_that_cannot_be_read_is_not_passed_over(
    command_line: CommandLine, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "left side":
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr("os.scandir", refuse)

    result = command_line.run("inspect", str(photos))

    assert (result.exit_code, command_line.inbox.keys) == (1, [])
    assert "left side" in result.stderr


def test_photos_that_cannot_be_followed_any_more_are_not_forgotten(
    command_line: CommandLine, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_asked: object) -> None:
        raise Conflict("the table does not answer")

    command_line.inbox.then = lost
    monkeypatch.setattr(command_line.pipeline.inspections, "get", refuse)

    result = command_line.run("inspect", str(photos))

    assert result.exit_code == 1
    assert "The inspections of 2 photos continue" in result.stderr


def test_a_key_longer_than_s3_allows_is_not_uploaded(command_line: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(5):
        folder = folder / ("ä" * 120)
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(png())

    result = command_line.run("inspect", str(tmp_path))

    assert result.exit_code == 1
    assert "S3 allows 1,024" in result.stderr
    assert command_line.inbox.keys == []


def test_a_name_that_is_no_utf8_is_not_uploaded(command_line: CommandLine) -> None:
    uploads = inspect.upload_photos(command_line.inbox, [PhotoToUpload(Path("x"), "bad\udcff.jpg")])

    assert uploads[0].error == "its name is not valid UTF-8"


def test_hostile_names_stay_in_their_row(command_line: CommandLine, tmp_path: Path) -> None:
    name, shown = "evil\x1b[2J\nrow\u202egpj.jpg", r"evil\x1b[2J\nrow\u202egpj.jpg"
    (tmp_path / name).write_bytes(png())

    result = command_line.run("inspect", str(tmp_path / name))

    assert command_line.inbox.keys == [name]
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert sum(shown in line for line in result.stdout.splitlines()) == 1


def test_following_asks_at_most_five_times_a_second_however_many_photos(command_line: CommandLine) -> None:
    reads: list[str] = []

    class Counted:
        def __getattr__(self, name: str) -> object:
            reads.append(name)
            return getattr(command_line.pipeline.inspections, name)

    images = [command_line.pipeline.upload(key=f"{number}.png") for number in range(120)]
    ids, shown = [inspection_id(image) for image in images], []

    def answer_some() -> None:
        for image in images[:10]:
            command_line.pipeline.inspected(image)
        del images[:10]

    clock = StepClock(answer_some)
    rows = verdict_polling.wait_for_answers(
        Counted(),  # type: ignore[arg-type]
        ids,
        "2026-01-01T00:00:00.000Z",
        600,
        lambda rows: shown.append(len(rows)),
        lambda: clock.now,
        clock.sleep,
    )

    assert rows.keys() == set(ids)
    assert shown == sorted(shown)
    assert len(reads) <= 5 * (clock.now + verdict_polling.ROUND_SECONDS)


def test_a_photo_that_fell_out_of_the_newest_rows_is_found_by_its_id(command_line: CommandLine) -> None:
    ours, clock = command_line.inspect("ours.png"), StepClock()
    others = [Image("inbound", f"{number}.png", "v") for number in range(3)]

    rows = verdict_polling.wait_for_answers(
        command_line.pipeline.inspections,
        [inspection_id(image) for image in (*others, ours)],
        "9999-01-01T00:00:00.000Z",
        5,
        lambda _: None,
        lambda: clock.now,
        clock.sleep,
    )

    assert list(rows) == [inspection_id(ours)]
