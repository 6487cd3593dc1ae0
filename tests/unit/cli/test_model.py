import json
from pathlib import Path
from typing import Any

import pytest

from tests.model_world import MemoryRecord, MemorySettings, World, arn_of
from tests.unit.cli.conftest import SITE, Bench
from workflow.errors import PartcheckError
from workflow.intervals import Rate
from workflow.models.capacity_policy import LOCAL_POLICY, parse
from workflow.models.evaluation import Evaluation
from workflow.models.model import Clock, Status


class Room:
    """What the model commands reach instead of AWS."""

    def __init__(self) -> None:
        self.world = World(old=Status.RUNNING, new=Status.TRAINING_COMPLETED)
        self.settings = MemorySettings(arn_of("old"))
        self.record, self.power_log = MemoryRecord(), MemoryRecord()


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    books = {"model": room.record, "model-power": room.power_log}
    monkeypatch.setattr("workflow.aws.models.RekognitionModels", lambda: room.world)
    monkeypatch.setattr("workflow.aws.model_settings.ParameterSettings", lambda *_names: room.settings)
    monkeypatch.setattr("workflow.aws.model_record.DynamoRecord", lambda _table, book="model": books[book])
    monkeypatch.setattr("cli.model_bench.CLOCK", room.world.clock)
    return room


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, count in (("ok", 2), ("scratch", 1)):
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.jpg").write_bytes(b"photo")
    return tmp_path


def test_a_model_is_trained_on_a_folder_of_labels_and_can_be_rolled_back_later(
    bench: Bench, room: Room, folder: Path, monkeypatch: pytest.MonkeyPatch
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
    (event,) = room.record.events("promote")
    assert (event.before, event.facts["policy_before"]) == (arn_of("old"), "old policy")


def test_a_folder_that_makes_no_data_set_is_wrong_configuration(
    bench: Bench, room: Room, tmp_path: Path
) -> None:
    result = bench.run("model", "train", str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_model_is_started_and_its_state_is_told_in_words(bench: Bench, room: Room) -> None:
    result = bench.run("model", "start", "new", "--units", "2", "--json")

    told = json.loads(result.stdout)
    assert (told["status"], told["units"], told["in_use"]) == ("RUNNING", 2, False)
    assert told["words"].startswith("running")
    assert [event.action for event in room.record.all] == ["start"]


def test_the_model_in_use_is_stopped_when_none_is_named(bench: Bench, room: Room) -> None:
    result = bench.run("model", "stop")

    assert result.stdout == "Model old of project parts (in use): stopped\n"


@pytest.mark.parametrize("asked", [0, 300, 301], ids=["starting", "just running", "running"])
def test_a_model_that_starts_is_stopped_when_it_has_started(bench: Bench, room: Room, asked: int) -> None:
    room.world.start(arn_of("new"))
    room.world.sleep(asked)

    result = bench.run("model", "stop", "new")

    assert result.stdout == "Model new of project parts (not in use): stopped\n"
    assert room.world.status("new") is Status.STOPPED
    assert room.record.story == [("stop", "asked for")]


def test_a_model_that_stops_already_is_waited_for(bench: Bench, room: Room) -> None:
    room.world.stop(arn_of("old"))

    assert bench.run("model", "stop").stdout == "Model old of project parts (in use): stopped\n"


def test_a_model_that_does_not_run_is_as_wanted(bench: Bench, room: Room) -> None:
    result = bench.run("model", "stop", "new")

    assert (result.exit_code, room.record.all) == (0, [])


def test_an_unknown_model_is_named_in_the_complaint(bench: Bench, room: Room) -> None:
    result = bench.run("model", "status", "autumn")

    assert result.exit_code == 1
    assert "autumn" in result.stderr


def test_a_promotion_by_force_needs_a_reason(bench: Bench, room: Room) -> None:
    assert bench.run("model", "promote", "new", "--force").exit_code == 2

    result = bench.run("model", "promote", "new", "--force", "--reason", "new mould", "--json")

    assert json.loads(result.stdout) == {"model": arn_of("new"), "before": arn_of("old")}
    assert room.settings.arn == arn_of("new")


@pytest.mark.parametrize(("escapes", "code"), [(0, 0), (1, 1)])
def test_the_frozen_hold_out_decides_and_a_loser_is_stopped_again(
    bench: Bench, room: Room, monkeypatch: pytest.MonkeyPatch, escapes: int, code: int
) -> None:
    from local.data_sets.hold_out import HoldOut

    monkeypatch.setattr("local.data_sets.hold_out.frozen", lambda *_: HoldOut("s3://b/h", "hash"))
    monkeypatch.setattr("local.data_sets.hold_out.kept", lambda *_: None)

    def scored(_work: object, version: Any, *_rest: object) -> Evaluation:
        escaped = escapes if version.name == "new" else 1
        return Evaluation(version.arn, "hash", Rate(escaped, 10), Rate(0, 10), Rate(0, 20))

    monkeypatch.setattr("cli.model_promote.on_hold_out", scored)

    result = bench.run("model", "promote", "new")

    assert result.exit_code == code, result.output
    room.world.sleep(3600)
    gone, stays = ("old", "new") if code == 0 else ("new", "old")
    assert (room.world.status(gone), room.world.status(stays)) == (Status.STOPPED, Status.RUNNING)
    assert room.settings.arn == arn_of(stays)


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xd8\xff", "not UTF-8"), (b"{}\n", "no usable photo")])
def test_what_is_no_manifest_is_never_frozen(
    bench: Bench, room: Room, monkeypatch: pytest.MonkeyPatch, content: bytes, why: str
) -> None:
    monkeypatch.setattr("local.data_sets.uploading.get_bytes", lambda _uri: content)

    result = bench.run("model", "evaluate", "--hold-out", "s3://plant-7/photo.jpg")

    assert (result.exit_code, result.stderr.count("\n"), room.record.all) == (2, 1, [])
    assert why in result.stderr


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold-out that was changed since it was frozen, so that nothing can be compared."""
    from local.data_sets.hold_out import HoldOut

    def changed(*_asked: object) -> None:
        raise PartcheckError("s3://b/h was changed")

    monkeypatch.setattr("local.data_sets.hold_out.frozen", lambda *_: HoldOut("s3://b/h", "hash"))
    monkeypatch.setattr("cli.model_promote.on_hold_out", changed)


@pytest.mark.usefixtures("frozen")
def test_a_candidate_does_not_run_on_when_the_comparison_fails(bench: Bench, room: Room) -> None:
    result = bench.run("model", "promote", "new")

    assert result.exit_code == 1
    assert "s3://b/h was changed" in result.stderr
    assert (room.world.status("new"), room.world.status("old")) == (Status.STOPPING, Status.RUNNING)
    assert room.settings.arn == arn_of("old")


@pytest.mark.usefixtures("frozen")
def test_a_candidate_that_ran_before_runs_on_when_the_comparison_fails(bench: Bench, room: Room) -> None:
    room.world.start(arn_of("new"))
    room.world.sleep(300)

    assert bench.run("model", "promote", "new").exit_code == 1
    assert room.world.status("new") is Status.RUNNING


@pytest.mark.usefixtures("frozen")
def test_a_candidate_that_starts_when_its_promotion_is_interrupted_is_named(
    bench: Bench, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.model_bench.CLOCK", Clock(lambda: 0.0, interrupted))

    result = bench.run("model", "promote", "new")

    assert result.exit_code == 130
    assert (
        "Model new cannot be stopped while it starts, and will cost: `partcheck model stop" in result.stderr
    )


def test_a_rollback_brings_the_former_model_back(bench: Bench, room: Room) -> None:
    bench.run("model", "promote", "new", "--force", "--reason", "new mould")
    room.world.sleep(3600)

    result = bench.run("model", "rollback")

    assert result.stdout == f"{arn_of('old')}\n"
    assert room.settings.arn == arn_of("old")


def test_the_model_in_use_cannot_be_deleted(bench: Bench, room: Room) -> None:
    result = bench.run("model", "delete", "old", "--yes")

    assert result.exit_code == 2
    assert "in use" in result.stderr


def test_the_power_policy_and_what_was_done_by_it_are_shown(bench: Bench, room: Room) -> None:
    room.settings.rules = parse(LOCAL_POLICY)

    result = bench.run("model", "power")
    document = json.loads(bench.run("model", "power", "--json").stdout)

    assert result.stdout == "Power policy 1: started on demand, never idle, 0 shifts, no budget\n"
    assert document["events"] == []


def test_a_power_policy_that_is_no_text_is_refused(bench: Bench, room: Room, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(b'{"version": "\xff"}')

    result = bench.run("model", "power", "--set", str(tmp_path / "policy.json"))

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "not UTF-8" in result.stderr


def test_a_set_is_checked_without_a_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("{}\n", encoding="utf-8")

    result = bench.run("model", "check", str(tmp_path / "m"), "--json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["refused"]
    assert "ERROR_MISSING_SOURCE_REF" in {one["code"] for one in document["complaints"]}
    assert "ERROR_MISSING_SOURCE_REF" in bench.run("model", "check", str(tmp_path / "m")).stdout
