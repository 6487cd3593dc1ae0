import shlex
from pathlib import Path

import pytest

from cli import demo
from cli.main import main
from local.ports import Ports
from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import CLEARLY_OK, UNSURE
from workflow.errors import ConfigurationError

PORTS = Ports.from_base(24_000)


def test_the_demo_begins_with_an_empty_directory(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    demo._empty_directory(home, PORTS)
    (home / "photos").mkdir()
    (home / "photos" / "old.jpg").touch()
    (home / "environment.json").touch()

    demo._empty_directory(home, PORTS)

    assert {entry.name for entry in home.iterdir()} <= {demo.MARKER, "lock", ".gitignore"}


def test_a_directory_that_is_no_demo_is_never_emptied(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")

    with pytest.raises(ConfigurationError, match="choose another --state-dir"):
        demo._empty_directory(home, PORTS)

    assert (home / "thesis.txt").exists()


def test_only_verdicts_of_the_model_itself_are_counted_as_its_own(command_line: CommandLine) -> None:
    right, wrong, unsure = (command_line.pipeline.upload(key=f"line-1/{name}.png") for name in "abc")
    command_line.pipeline.detector.answers = [CLEARLY_OK]
    command_line.pipeline.inspected(right)
    command_line.pipeline.inspected(wrong)
    command_line.pipeline.detector.answers = [UNSURE]
    command_line.pipeline.waiting(unsure)

    judged = demo._count_confident(
        command_line.pipeline.inspections.rows, {"a.png": "ok", "b.png": "defect", "c.png": "ok"}
    )

    assert judged == (2, 1)


def test_training_and_new_parts_differ_and_the_truth_is_known(tmp_path: Path) -> None:
    training, truth = demo._generate_parts(2, 2, tmp_path / "new")

    new = {photo.name: photo.read_bytes() for photo in (tmp_path / "new").iterdir()}
    assert truth.keys() == new.keys()
    assert set(truth.values()) <= {"ok", "defect"}
    assert not set(new.values()) & {part.content for part in training}


def test_photos_with_a_fault_of_the_camera_are_no_parts_and_never_count_as_right(
    command_line: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = demo._generate_camera_faults(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == truth.keys()
    assert len(truth) == 4
    (part, passed) = (
        command_line.pipeline.upload(key=f"line-1/{name}") for name in ("a.png", "camera_lamp_off.jpeg")
    )
    command_line.pipeline.inspected(part)
    command_line.pipeline.inspected(passed)
    rows = command_line.pipeline.inspections.rows

    assert demo._count_confident(rows, {"a.png": "ok", **truth}) == (2, 1)
    demo._print_summary([], rows, {"a.png": "ok", **truth}, tmp_path)
    assert "1 photo shows a fault of the camera. The photo guard stopped 0." in capsys.readouterr().out


@pytest.mark.parametrize("keep", [False, True])
def test_the_demo_ends_with_commands_that_exist(
    command_line: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str], keep: bool
) -> None:
    image = command_line.pipeline.upload(key="line-1/a b.png")
    command_line.pipeline.inspected(image)
    row = command_line.pipeline.row(image)

    demo._print_next_commands(
        tmp_path / "a b", "http://127.0.0.1:4569", {row.id: row}, " --port 4600", keep=keep
    )

    lines = [shlex.split(line)[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    options = ["--state-dir", str(tmp_path / "a b")]
    if not keep:
        assert lines.pop(0) == [*options, "--port", "4600", "up"]
        options += ["--port", "4600", "--start"]
    assert lines == [[*options, "execution", "show", "a b.png"], [*options, "verify"]]
    for words in lines:
        assert main.make_context("partcheck", [*words], resilient_parsing=True)
