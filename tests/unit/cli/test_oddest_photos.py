"""The oddest photos come first, by distance from good parts; nothing is trained or filed."""

import json
from pathlib import Path

import pytest
from PIL import Image

from datasets.oddest_photos import rank_oddest
from tests.part_photos import part_photo
from tests.unit.cli.conftest import CommandLine
from workflow.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty good parts, and a new one of them with a dark spot."""
    for number in range(31):
        file = tmp_path / ("new" if number == 30 else "ok") / f"{number:02}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(part_photo(number))
    with Image.open(tmp_path / "new/30.png") as picture:
        picture.paste(0, (40, 40, 48, 48))
        picture.save(tmp_path / "new/spot.png")
    return tmp_path


def test_a_faulty_part_is_the_oddest(folder: Path) -> None:
    spot, usual = rank_oddest(folder, lambda _done: None)
    assert (spot.name, usual.name) == ("new/spot.png", "new/30.png")
    assert spot.distance > 1.5 * usual.distance

    (folder / "ok").rename(folder / "all")  # without good folders all are compared with each other
    assert rank_oddest(folder, lambda _done: None)[0].name == "new/spot.png"


def test_the_command_lists_them_and_too_few_photos_are_refused(
    folder: Path, command_line: CommandLine
) -> None:
    printed = command_line.run("model", "train", str(folder), "--only-good", "--json")
    assert [photo["name"] for photo in json.loads(printed.stdout)] == ["new/spot.png", "new/30.png"]
    with pytest.raises(ConfigurationError, match="2 readable photos of good parts, and 20 are needed"):
        rank_oddest(folder / "new", lambda _done: None)
