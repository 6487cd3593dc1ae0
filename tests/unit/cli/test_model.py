import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import SITE, Bench


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, count in (("ok", 2), ("scratch", 1)):
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.jpg").write_bytes(b"photo")
    return tmp_path


def test_a_model_is_trained_on_a_folder_of_labels(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def train(site: object, parts: object, bucket: str, name: str, _report: object) -> str:
        asked.append((site, parts, bucket, name))
        return "arn:model"

    monkeypatch.setattr("local.training.train", train)

    result = bench.run("model", "train", str(folder), "--name", "first", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"model": "arn:model", "labels": {"ok": 2, "scratch": 1}}
    ((site, parts, _, name),) = asked
    assert (site, name) == (SITE, "first")
    assert [part.label for part in parts] == ["ok", "ok", "scratch"]
    assert "2 ok, 1 scratch" in result.stderr


def test_a_folder_that_makes_no_data_set_is_wrong_configuration(bench: Bench, tmp_path: Path) -> None:
    result = bench.run("model", "train", str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
