import json

import pytest

from tests.unit.cli.conftest import Bench
from workflow.errors import Conflict
from workflow.inspections.objects import Image


def ended(bench: Bench, key: str) -> Image:
    image = bench.line.upload(key=key)
    owner = bench.line.start(image)
    bench.line.claim(image, owner)
    bench.executions.statuses[owner] = "FAILED"
    return image


def test_all_failed_inspections_start_again_with_the_reason_shown(bench: Bench) -> None:
    ended(bench, "one.png")
    ended(bench, "two.png")
    bench.line.inspected(bench.line.upload(key="fine.png"))

    result = bench.run("redrive", "--all-failed", "--rate", "100")

    assert result.exit_code == 0
    assert [line.split("  ")[0] for line in result.stdout.splitlines()[1:]] == ["one.png", "two.png"]
    assert result.stdout.count("restarted  Execution is not redrivable") == 2
    assert "2 inspections started again." in result.stderr


def test_one_is_named_by_its_photo_or_its_execution(bench: Bench) -> None:
    image, other = ended(bench, "one.png"), ended(bench, "two.png")
    bench.executions.redrivable.add(bench.line.row(other).owner)

    result = bench.run(
        "redrive", "one.png", bench.line.row(other).owner, "one.png", "--rate", "100", "--json"
    )

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["image"]["key"], one["outcome"]) for one in told] == [
        ("one.png", "restarted"),
        ("two.png", "redriven"),
    ]
    assert told[0]["execution"] == bench.line.row(image).owner


def test_what_was_started_before_a_fault_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [ended(bench, key) for key in ("one.png", "two.png")]
    ids = [bench.line.row(image).id for image in images]
    status = bench.executions.status

    def faulty(name: str) -> str | None:
        if name.startswith(ids[1]):
            raise Conflict("two.png changed")
        return status(name)

    monkeypatch.setattr(bench.executions, "status", faulty)

    result = bench.run("redrive", "one.png", "two.png", "--rate", "100")

    assert result.exit_code == 1
    assert "one.png" in result.stdout
    assert "two.png changed" in result.stderr


def test_nothing_that_failed_is_no_failure(bench: Bench) -> None:
    result = bench.run("redrive", "--all-failed")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No inspection has failed.\n")


def test_it_wants_either_names_or_all(bench: Bench) -> None:
    for arguments in ([], ["one.png", "--all-failed"]):
        result = bench.run("redrive", *arguments)
        assert result.exit_code == 2
        assert "--all-failed" in result.stderr
