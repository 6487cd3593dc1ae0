from pathlib import Path

import pytest

from cli import demo
from local.ports import Ports
from tests.unit.cli.conftest import Bench
from tests.unit.line import CLEARLY_OK, UNSURE
from workflow.errors import ConfigurationError

PORTS = Ports.at(24_000)


def test_the_demo_begins_with_an_empty_directory(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    demo._empty(home, PORTS)
    (home / "photos").mkdir()
    (home / "photos" / "old.jpg").touch()
    (home / "line.json").touch()

    demo._empty(home, PORTS)

    assert {entry.name for entry in home.iterdir()} <= {demo.MARK, "lock", ".gitignore"}


def test_a_directory_that_is_no_demo_is_never_emptied(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")

    with pytest.raises(ConfigurationError, match="choose another --home"):
        demo._empty(home, PORTS)

    assert (home / "thesis.txt").exists()


def test_only_verdicts_of_the_model_itself_are_counted_as_its_own(bench: Bench) -> None:
    right, wrong, unsure = (bench.line.upload(key=f"line-1/{name}.png") for name in "abc")
    bench.line.detector.answers = [CLEARLY_OK]
    bench.line.inspected(right)
    bench.line.inspected(wrong)
    bench.line.detector.answers = [UNSURE]
    bench.line.waiting(unsure)

    judged = demo._judged(bench.line.ledger.rows, {"a.png": "ok", "b.png": "defect", "c.png": "ok"})

    assert judged == (2, 1)


def test_training_and_new_parts_differ_and_the_truth_is_known(tmp_path: Path) -> None:
    training, truth = demo._photograph(2, 2, tmp_path / "new")

    new = {photo.name: photo.read_bytes() for photo in (tmp_path / "new").iterdir()}
    assert truth.keys() == new.keys()
    assert set(truth.values()) <= {"ok", "defect"}
    assert not set(new.values()) & {part.content for part in training}
