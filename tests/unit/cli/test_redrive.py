import json

import pytest

from tests.unit.cli.conftest import CommandLine
from workflow.errors import Conflict
from workflow.inspections.objects import Image


def ended(command_line: CommandLine, key: str) -> Image:
    image = command_line.pipeline.upload(key=key)
    owner = command_line.pipeline.start(image)
    command_line.pipeline.claim(image, owner)
    command_line.executions.statuses[owner] = "FAILED"
    return image


def test_all_failed_inspections_start_again_with_the_reason_shown(command_line: CommandLine) -> None:
    ended(command_line, "one.png")
    ended(command_line, "two.png")
    command_line.inspect("fine.png")

    result = command_line.run("execution", "redrive", "--all-failed", "--rate", "100")

    assert result.exit_code == 0
    assert {line.split("  ")[0] for line in result.stdout.splitlines()[1:]} == {"one.png", "two.png"}
    assert result.stdout.count("restarted  Execution is not redrivable") == 2
    assert "2 inspections restarted." in result.stderr


def test_one_is_named_by_its_photo_or_its_execution(command_line: CommandLine) -> None:
    image, other = ended(command_line, "one.png"), ended(command_line, "two.png")
    command_line.executions.redrivable.add(command_line.pipeline.row(other).owner)

    result = command_line.run(
        "execution",
        "redrive",
        "one.png",
        command_line.pipeline.row(other).owner,
        "one.png",
        "--rate",
        "100",
        "--json",
    )

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["image"]["key"], one["outcome"]) for one in told] == [
        ("one.png", "restarted"),
        ("two.png", "redriven"),
    ]
    assert told[0]["execution"] == command_line.pipeline.row(image).owner


def test_what_was_started_before_a_fault_is_told(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [ended(command_line, key) for key in ("one.png", "two.png")]
    ids = [command_line.pipeline.row(image).id for image in images]
    status = command_line.executions.get_status

    def faulty(name: str) -> str | None:
        if name.startswith(ids[1]):
            raise Conflict("two.png changed")
        return status(name)

    monkeypatch.setattr(command_line.executions, "get_status", faulty)

    result = command_line.run("execution", "redrive", "one.png", "two.png", "--rate", "100")

    assert result.exit_code == 1
    assert "one.png" in result.stdout
    assert "two.png changed" in result.stderr


def test_nothing_that_failed_is_no_failure(command_line: CommandLine) -> None:
    result = command_line.run("execution", "redrive", "--all-failed")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No inspection has failed.\n")


def test_it_wants_either_names_or_all(command_line: CommandLine) -> None:
    for arguments in ([], ["one.png", "--all-failed"]):
        result = command_line.run("execution", "redrive", *arguments)
        assert result.exit_code == 2
        assert "--all-failed" in result.stderr
