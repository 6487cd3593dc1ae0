"""`partcheck camera`: settings, master parts, and the parts since their last success."""

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.camera_photos import camera_photo
from tests.unit.cli.conftest import CommandLine
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, UNSURE
from workflow import timestamps
from workflow.cameras.camera_status import AlarmKind, CameraStatus
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict

REASON = ("--reason", "checked")


@pytest.fixture(autouse=True)
def ticking_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no two events happen in the same millisecond."""
    ticks = itertools.count()
    monkeypatch.setattr(
        timestamps, "now", lambda: timestamps.add_seconds("2026-03-02T08:00:00.000Z", next(ticks) / 100)
    )


def judge(command_line: CommandLine, key: str, answer: Any) -> Image:
    """Inspect a photo that the model judges so."""
    command_line.pipeline.detector.answers[:] = [answer]
    image = command_line.pipeline.upload(key=key)
    owner = command_line.pipeline.start(image)
    command_line.pipeline.claim(image, owner)
    outcome = command_line.pipeline.detect(image, owner)
    target = outcome.get("verdict", "rejected")
    command_line.pipeline.move(image, owner, target)
    if target == "unclear":
        command_line.pipeline.ask(image, owner, f"token of {key}")
    else:
        command_line.pipeline.close(image, owner)
    return image


def add_masters(command_line: CommandLine) -> None:
    for name, verdict in (("good", "ok"), ("scratch", "defect")):
        result = command_line.run("camera", "master", "add", "line 1", name, verdict, *REASON)
        assert result.exit_code == 0, result.output


def check(command_line: CommandLine, *options: str) -> dict[str, Any]:
    result = command_line.run("camera", "master", "check", "line 1", "--json", *options)
    return {**json.loads(result.stdout), "exit_code": result.exit_code}


def test_a_camera_without_master_parts_says_so(command_line: CommandLine) -> None:
    result = command_line.run("camera", "master", "check", "line 1")

    assert (result.exit_code, result.stdout) == (0, "Camera line 1: no master parts.\n")


def test_the_parts_since_the_last_success_are_listed_and_reopened(command_line: CommandLine) -> None:
    add_masters(command_line)
    judge(command_line, "masters/good/1.png", CLEARLY_OK)
    before = judge(command_line, "line 1/before.png", CLEARLY_OK)
    judge(command_line, "masters/scratch/1.png", CLEARLY_DEFECT)
    passed = [judge(command_line, f"line 1/{number}.png", CLEARLY_OK) for number in range(3)]
    judge(command_line, "line 1/defect.png", CLEARLY_DEFECT)
    judge(command_line, "line 2/other.png", CLEARLY_OK)
    judge(command_line, "masters/scratch/2.png", CLEARLY_OK)
    waits = judge(command_line, "line 1/waits.png", CLEARLY_OK)

    listed = check(command_line)

    assert [part["inspection_id"] for part in listed["doubtful_parts"]] == [inspection_id(i) for i in passed]
    assert listed["exit_code"] == 1
    assert listed["reasons"][0].startswith("master part scratch was judged ok at ")
    assert {command_line.pipeline.row(image).verdict for image in (before, *passed)} == {Verdict.OK}
    assert command_line.pipeline.row(waits).verdict is Verdict.UNCLEAR

    judge(command_line, "masters/scratch/3.png", CLEARLY_DEFECT)
    after = judge(command_line, "line 1/after.png", CLEARLY_OK)
    reopened = check(command_line, "--reopen")

    assert reopened["exit_code"] == 0
    assert command_line.pipeline.row(after).verdict is Verdict.OK
    suspects = {suspect.inspection_id for suspect in command_line.pipeline.cameras.list_suspects()}
    assert suspects == {inspection_id(image) for image in passed}
    assert check(command_line)["doubtful_parts"] == []
    entries = command_line.pipeline.inspections.entries
    assert [entry.after for entry in entries if entry.action == "change camera"][-1] == (
        "3 doubtful parts reopened"
    )


def test_nothing_is_reopened_without_a_wrong_judgement(command_line: CommandLine) -> None:
    add_masters(command_line)
    result = command_line.run("camera", "master", "check", "line 1", "--reopen")

    assert result.exit_code == 1
    assert "camera line 1 has no doubtful parts" in result.stderr


def test_master_parts_are_listed_with_their_last_judgement(command_line: CommandLine) -> None:
    assert "No camera has master parts" in command_line.run("camera", "master", "list").stderr
    add_masters(command_line)
    judge(command_line, "masters/scratch/1.png", UNSURE)

    rows = [
        json.loads(text)
        for text in command_line.run("camera", "master", "list", "--json").stdout.splitlines()
    ]

    assert [(row["name"], row["expected"], row["judged"]) for row in rows] == [
        ("good", "ok", None),
        ("scratch", "defect", "unclear"),
    ]
    assert "was judged unclear" in command_line.run("camera", "master", "list").stdout
    removed = command_line.run("camera", "master", "remove", "scratch", *REASON, "--json")
    assert list(json.loads(removed.stdout)["masters"]) == ["good"]
    assert "scratch" not in command_line.run("camera", "master", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "line 1", "a/b", "ok"), "a master part's name has"),
        (("add", "line 1", "good", "fine"), "'fine' is not one of"),
        (("remove", "gold"), "no camera has a master part gold"),
    ],
)
def test_a_wrong_master_part_is_refused_in_one_sentence(
    command_line: CommandLine, arguments: tuple[str, ...], sentence: str
) -> None:
    result = command_line.run("camera", "master", *arguments, *REASON)

    assert result.exit_code != 0
    assert sentence in result.stderr


def test_settings_are_changed_with_a_reason_in_the_audit_trail(command_line: CommandLine) -> None:
    result = command_line.run(
        *("camera", "set", "line 1", "--shifts", "6:00,14:00", "--timezone", "Europe/Berlin"),
        *("--equal-frames", "live", "--grace-minutes", "30", *REASON),
    )

    assert result.exit_code == 2  # 6:00 is no time as ISO 8601 writes it.
    result = command_line.run(
        *("camera", "set", "line 1", "--shifts", "06:00,14:00", "--timezone", "Europe/Berlin"),
        *("--equal-frames", "live", "--grace-minutes", "30", *REASON),
    )

    assert result.exit_code == 0, result.output
    camera = command_line.pipeline.cameras.get_camera("line 1")
    assert (camera.shifts, camera.timezone, camera.grace_minutes) == (("06:00", "14:00"), "Europe/Berlin", 30)
    assert camera.live_reason == "checked"
    (entry,) = command_line.pipeline.inspections.entries
    assert (entry.inspection_id, entry.action, entry.reason) == ("camera-line 1", "change camera", "checked")
    command_line.run("camera", "set", "line 1", "--equal-frames", "guarded", "--shifts", "none", *REASON)
    camera = command_line.pipeline.cameras.get_camera("line 1")
    assert (camera.live_reason, camera.shifts) == ("", ())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Name at least one setting"),
        (("--shifts", "six"), "is no list of times"),
        (("--timezone", "Mars/Base"), "unknown time zone"),
        (("--grace-minutes", "-1"), "-1 is not in the range"),
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(
    command_line: CommandLine, options: tuple[str, ...], sentence: str
) -> None:
    result = command_line.run("camera", "set", "line 1", *options, *REASON)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert command_line.pipeline.cameras.list_cameras() == []


def test_cameras_are_listed_with_light_alarms_and_master_parts(command_line: CommandLine) -> None:
    assert "No camera has taken a photo yet" in command_line.run("camera", "list").stderr
    photos = tuple(replace(camera_photo(number), observed_at="2026") for number in range(20))
    status = CameraStatus(
        camera="line 1",
        window=(*photos[:-1], replace(photos[-1], unusual=("dark",), same_frame_as="a")),
        learned={"brightness": (92.0, 140.0)},
        alarms={AlarmKind.FROZEN: "2026"},
    )
    command_line.find_environment(None).camera_statuses.save_status(status)

    header, row = command_line.run("camera", "list").stdout.splitlines()

    assert header.split()[:3] == ["camera", "last", "photo"]
    for words in ("line 1", "120.0 [92.0 to 140.0]", "1 of 20", "no master parts", "frozen_camera"):
        assert words in row
    document = json.loads(command_line.run("camera", "list", "--json").stdout)
    assert (document["name"], document["unusual"], document["repeated"]) == ("line 1", 1, 1)
    assert document["drift"] == "learning: 0 of 200 confirmed photos"
