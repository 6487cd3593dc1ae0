import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.model_world import add_own_model, arn_of
from tests.part_photos import part_photo
from tests.unit.cli.conftest import CommandLine, Room
from workflow.errors import PartcheckError
from workflow.inspections.routing_policy import DEFAULT_POLICY, parse
from workflow.inspections.verdict import Score
from workflow.models.capacity_policy import LOCAL_POLICY, parse_capacity_policy
from workflow.models.evaluation import HoldOutEvaluation, LabelMetrics, OutOfFoldPhoto, TrainingSummary
from workflow.models.model import ModelStatus, MonotonicClock
from workflow.proportion import Proportion


def summarize(*labels: str, photos: int, **further: Any) -> TrainingSummary:
    """Return the report of a training that tested `photos` photos of each label."""
    metrics = [
        LabelMetrics(label=label, photos=photos, threshold=0.5, precision=1.0, recall=1.0, f1=1.0)
        for label in labels
    ]
    return TrainingSummary(
        f1=1,
        precision=1,
        recall=1,
        training_images=2,
        test_images=2,
        labels=tuple(metrics),
        confusion={},
        **further,
    )


def report_out_of_fold(defects: list[float], ok: list[float]) -> tuple[OutOfFoldPhoto, ...]:
    """Return a part for each ok score of defective and of sound parts."""
    scores = [("scratch", score) for score in defects] + [("ok", score) for score in ok]
    return tuple(
        OutOfFoldPhoto(str(number), label, (Score("ok", score), Score("scratch", 1 - score)))
        for number, (label, score) in enumerate(scores)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, count in (("ok", 2), ("scratch", 1)):
        (tmp_path / label).mkdir()
        for number in range(count):
            (tmp_path / label / f"{number}.jpg").write_bytes(b"photo")
    return tmp_path


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch, room: Room) -> list[tuple[str, bool]]:
    """The imports by project, without S3; the policy is a valid one."""
    room.settings.text = json.dumps(DEFAULT_POLICY)
    imports: list[tuple[str, bool]] = []

    def import_split(services: Any, _sides: object, replace: bool) -> None:
        imports.append((services.project, replace))

    monkeypatch.setattr("cli.model.train.split_photos", lambda photos: (photos, photos))
    monkeypatch.setattr("cli.model.train.import_split", import_split)
    summary = summarize("ok", "scratch", photos=30)
    monkeypatch.setattr("cli.model.promote.read_training_summary", lambda _: summary)
    return imports


def test_a_first_policy_takes_its_thresholds_from_the_training_and_shows_the_errors_to_expect(
    command_line: CommandLine,
    room: Room,
    folder: Path,
    imported: list[tuple[str, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room.settings.arn = ""
    scores = report_out_of_fold([0.93, *[0.1] * 59], [0.95] * 50 + [0.6] * 10)
    summary = summarize("ok", "scratch", photos=2, out_of_fold=scores)
    for command in ("promote", "show"):
        monkeypatch.setattr(f"cli.model.{command}.read_training_summary", lambda _: summary)

    trained = command_line.run("model", "train", str(folder), "--name", "first")

    assert trained.exit_code == 0, trained.output
    assert "ok (ok) from 0.94, scratch (defect) from 0.80" in trained.stderr
    rules = parse(room.settings.text).labels
    assert (rules["ok"].threshold, rules["scratch"].threshold) == (0.94, 0.8)
    shown = command_line.run("model", "show", "first").stdout
    assert "parts that the model did not learn from (60 ok, 60 scratch)" in shown
    assert ["defects", "passed", "as", "ok", "0", "of", "60"] in [
        line.split()[:7] for line in shown.splitlines()
    ]
    assert "From an ok threshold of 0.931 none of 60 defective parts was passed: at most 4.9%" in shown
    assert "83% of 60 ok parts pass there" in shown
    document = json.loads(command_line.run("model", "show", "first", "--json").stdout)["expected"]
    assert (document["no_escape_threshold"], document["automatable"]) == (0.931, True)


def test_a_first_model_that_few_parts_tested_is_not_put_to_use_without_a_reason(
    command_line: CommandLine,
    room: Room,
    folder: Path,
    imported: list[tuple[str, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room.settings.arn = ""
    summary = summarize("ok", "scratch", photos=4)
    monkeypatch.setattr("cli.model.promote.read_training_summary", lambda _: summary)
    refused = command_line.run("model", "train", str(folder), "--name", "first")
    assert refused.exit_code == 1
    assert "its smallest label has 4 judged parts that it did not learn from, and 30" in refused.stderr
    forced = ("--name", "second", "--replace", "--force", "--reason", "a trial")
    assert command_line.run("model", "train", str(folder), *forced).exit_code == 0
    assert room.record.events("promote")[-1].reason == "a trial"


def test_the_first_model_is_imported_trained_and_put_to_use(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    room.settings.arn = ""
    recorded: list[list[str]] = []
    room.settings.on_switch = lambda _arn: recorded.append([e.reason for e in room.record.events("promote")])

    result = command_line.run(
        *("model", "train", str(folder), "--project", "housings", "--name", "first", "--units", "2", "--json")
    )

    assert result.exit_code == 0, result.output
    arn = arn_of("first", "housings")
    assert json.loads(result.stdout) == {"model": arn, "status": "RUNNING"}
    assert imported == [("housings", False)]
    assert room.settings.arn == arn
    assert parse(room.settings.text).labels.keys() == {"ok", "scratch"}
    assert room.world.versions[arn].units == 2
    assert recorded == [["first model"]], "the switch is recorded before it is made"
    assert [event.action for event in room.record.all] == ["train", "start", "promote"]


def test_a_training_measures_its_photos_for_the_reference_of_the_new_model(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    room.settings.arn = ""
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
        path.write_bytes(part_photo(number))

    result = command_line.run("model", "train", str(folder), "--name", "first")

    assert result.exit_code == 0, result.output
    reference = room.references.get(room.settings.arn)
    assert reference is not None
    assert (reference.model, dict(reference.photos)) == (arn_of("first"), {"ok": 2, "scratch": 1})
    assert "provisional, because it has fewer than 30 parts" in result.stderr
    assert "Warning" not in result.stderr
    assert [event.action for event in room.record.all] == ["train", "make reference", "start", "promote"]


def test_a_model_whose_photos_make_no_reference_is_trained_all_the_same_and_the_remedy_named(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    room.settings.arn = ""

    result = command_line.run("model", "train", str(folder), "--name", "first")

    assert result.exit_code == 0, result.output
    assert "A reference needs photos of at least two parts; 0 can be decoded" in result.stderr
    assert "`partcheck model reference first`" in result.stderr


def test_a_later_model_must_pass_the_same_gate_as_any_other(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    result = command_line.run("model", "train", str(folder), "--name", "later", "--replace", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"model": arn_of("later"), "status": "TRAINING_COMPLETED"}
    assert "no frozen hold-out compares it with the model in use" in result.stderr
    assert "Model later is trained, but not in use" in result.stderr
    assert imported == [("parts", True)]
    assert room.settings.arn == arn_of("old")
    assert room.world.status("later") is ModelStatus.TRAINING_COMPLETED


def test_a_name_that_is_used_already_is_refused_with_the_remedy(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    result = command_line.run("model", "train", str(folder), "--name", "old")

    assert result.exit_code == 2
    assert "Project parts has a model old already: choose another --name" in result.stderr


def test_an_invalid_policy_is_refused_before_anything_is_trained(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    room.settings.text = "{}"

    assert command_line.run("model", "train", str(folder)).exit_code == 2
    assert (imported, room.record.all) == ([], [])


def test_a_mapping_by_a_guess_fails_without_a_terminal_before_anything_is_imported(
    command_line: CommandLine, room: Room, folder: Path, imported: list[tuple[str, bool]]
) -> None:
    room.settings.arn = ""
    (folder / "ok").rename(folder / "good_light")
    (folder / "scratch").rename(folder / "bad_light")

    refused = command_line.run("model", "train", str(folder))

    assert refused.exit_code == 2
    assert "--verdict good_light=ok" in refused.stderr
    assert (imported, room.record.all) == ([], [])

    named = command_line.run(
        *("model", "train", str(folder), "--verdict", "good_light=defect", "--verdict", "bad_light=ok")
    )
    assert named.exit_code == 0, named.output
    assert {name: rule.verdict.value for name, rule in parse(room.settings.text).labels.items()} == {
        "good_light": "defect",
        "bad_light": "ok",
    }


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_a_mapping_by_a_guess_is_asked_at_a_terminal(
    command_line: CommandLine, room: Room, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    summary = summarize("good_light", "bad_light", photos=1)
    room.settings.text = json.dumps(DEFAULT_POLICY)
    monkeypatch.setattr("cli.model.promote.read_training_summary", lambda _: summary)
    monkeypatch.setattr("cli.model.label_verdicts.is_interactive", lambda: True)

    result = CliRunner().invoke(
        main,
        ["model", "promote", "new", "--force", "--reason", "new light"],
        obj=command_line.find_environment,
        input=answer,
    )

    assert result.exit_code == code, result.output
    assert "good_light = ok" in result.stderr
    assert room.settings.arn == arn_of("new" if code == 0 else "old")


@pytest.mark.parametrize("value", ["good_light", "=ok", "good_light=unclear"])
def test_a_verdict_option_that_names_no_verdict_is_wrong_usage(
    command_line: CommandLine, room: Room, value: str
) -> None:
    assert command_line.run("model", "promote", "new", "--verdict", value).exit_code == 2


def test_options_of_a_folder_need_a_folder(command_line: CommandLine, room: Room) -> None:
    assert command_line.run("model", "train", "--replace").exit_code == 2
    assert command_line.run("model", "train", "--units", "2").exit_code == 2


def test_a_folder_that_makes_no_data_set_is_wrong_configuration(
    command_line: CommandLine, room: Room, tmp_path: Path
) -> None:
    result = command_line.run("model", "train", str(tmp_path))

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_model_is_started_and_its_state_is_told_in_words(command_line: CommandLine, room: Room) -> None:
    result = command_line.run("model", "start", "new", "--units", "2", "--json")

    told = json.loads(result.stdout)
    assert (told["status"], told["units"], told["in_use"]) == ("RUNNING", 2, False)
    assert told["words"].startswith("running")
    assert [event.action for event in room.record.all] == ["start"]


@pytest.mark.parametrize("stops_already", [False, True])
def test_the_model_in_use_is_stopped_when_none_is_named(
    command_line: CommandLine, room: Room, stops_already: bool
) -> None:
    if stops_already:
        room.world.stop(arn_of("old"))

    assert command_line.run("model", "stop").stdout == "Model old of project parts (in use): stopped\n"


@pytest.mark.parametrize("asked", [0, 300, 301], ids=["starting", "just running", "running"])
def test_a_model_that_starts_is_stopped_when_it_has_started(
    command_line: CommandLine, room: Room, asked: int
) -> None:
    room.world.start(arn_of("new"))
    room.world.sleep(asked)

    result = command_line.run("model", "stop", "new")

    assert result.stdout == "Model new of project parts (not in use): stopped\n"
    assert room.world.status("new") is ModelStatus.STOPPED
    assert room.record.actions_and_reasons == [("stop", "requested")]


def test_a_model_that_does_not_run_is_as_wanted(command_line: CommandLine, room: Room) -> None:
    result = command_line.run("model", "stop", "new")

    assert (result.exit_code, room.record.all) == (0, [])


def test_an_unknown_model_is_named_in_the_complaint(command_line: CommandLine, room: Room) -> None:
    result = command_line.run("model", "status", "autumn")

    assert result.exit_code == 1
    assert "autumn" in result.stderr


def test_a_promotion_by_force_needs_a_reason(command_line: CommandLine, room: Room) -> None:
    assert command_line.run("model", "promote", "new", "--force").exit_code == 2

    result = command_line.run("model", "promote", "new", "--force", "--reason", "new mould", "--json")

    assert json.loads(result.stdout) == {"model": arn_of("new"), "before": arn_of("old")}
    assert room.settings.arn == arn_of("new")


@pytest.mark.parametrize(("escapes", "code"), [(0, 0), (1, 1)])
def test_the_frozen_hold_out_decides_and_a_loser_is_stopped_again(
    command_line: CommandLine, room: Room, monkeypatch: pytest.MonkeyPatch, escapes: int, code: int
) -> None:
    from datasets.hold_out import HoldOutManifest

    monkeypatch.setattr("datasets.hold_out.find_frozen", lambda *_: HoldOutManifest("s3://b/h", "hash"))
    monkeypatch.setattr("datasets.hold_out.load_scores", lambda *_: None)

    def scored(_work: object, version: Any, *_rest: object) -> HoldOutEvaluation:
        escaped = escapes if version.name == "new" else 1
        return HoldOutEvaluation(
            model=version.arn,
            hold_out="hash",
            escapes=Proportion(escaped, 30),
            false_alarms=Proportion(0, 30),
            unclear=Proportion(0, 60),
        )

    monkeypatch.setattr("cli.model.promote.evaluate_on_hold_out", scored)

    result = command_line.run("model", "promote", "new")

    assert result.exit_code == code, result.output
    room.world.sleep(3600)
    gone, stays = ("old", "new") if code == 0 else ("new", "old")
    assert (room.world.status(gone), room.world.status(stays)) == (ModelStatus.STOPPED, ModelStatus.RUNNING)
    assert room.settings.arn == arn_of(stays)


@pytest.mark.parametrize(("content", "why"), [(b"\xff\xd8\xff", "not UTF-8"), (b"{}\n", "no usable photo")])
def test_what_is_no_manifest_is_never_frozen(
    command_line: CommandLine, room: Room, monkeypatch: pytest.MonkeyPatch, content: bytes, why: str
) -> None:
    monkeypatch.setattr("datasets.s3_objects.read_uri", lambda _uri: content)

    result = command_line.run("model", "evaluate", "--hold-out", "s3://plant-7/photo.jpg")

    assert (result.exit_code, result.stderr.count("\n"), room.record.all) == (2, 1, [])
    assert why in result.stderr


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold-out that was changed since it was frozen, so that nothing can be compared."""
    from datasets.hold_out import HoldOutManifest

    def changed(*_asked: object) -> None:
        raise PartcheckError("s3://b/h was changed")

    monkeypatch.setattr("datasets.hold_out.find_frozen", lambda *_: HoldOutManifest("s3://b/h", "hash"))
    monkeypatch.setattr("cli.model.promote.evaluate_on_hold_out", changed)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(("ran", "status"), [(False, ModelStatus.STOPPING), (True, ModelStatus.RUNNING)])
def test_a_candidate_runs_on_when_the_comparison_fails_only_if_it_ran_before(
    command_line: CommandLine, room: Room, ran: bool, status: ModelStatus
) -> None:
    if ran:
        room.world.start(arn_of("new"))
        room.world.sleep(300)

    result = command_line.run("model", "promote", "new")

    assert result.exit_code == 1
    assert "s3://b/h was changed" in result.stderr
    assert (room.world.status("new"), room.world.status("old")) == (status, ModelStatus.RUNNING)
    assert room.settings.arn == arn_of("old")


@pytest.mark.usefixtures("frozen")
def test_a_candidate_that_starts_when_its_promotion_is_interrupted_is_named(
    command_line: CommandLine, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.model_services.CLOCK", MonotonicClock(lambda: 0.0, interrupted))

    result = command_line.run("model", "promote", "new")

    assert result.exit_code == 130
    assert (
        "Model new cannot be stopped while it starts, and will cost money: `partcheck model stop"
        in result.stderr
    )


def test_a_rollback_brings_the_former_model_back(command_line: CommandLine, room: Room) -> None:
    command_line.run("model", "promote", "new", "--force", "--reason", "new mould")
    room.world.sleep(3600)

    result = command_line.run("model", "rollback")

    assert result.stdout == f"{arn_of('old')}\n"
    assert room.settings.arn == arn_of("old")


def test_the_model_in_use_cannot_be_deleted(command_line: CommandLine, room: Room) -> None:
    result = command_line.run("model", "delete", "old", "--yes")

    assert result.exit_code == 2
    assert "in use" in result.stderr


def test_the_capacity_policy_and_its_actions_are_shown(command_line: CommandLine, room: Room) -> None:
    room.settings.rules = parse_capacity_policy(LOCAL_POLICY)

    result = command_line.run("model", "capacity")
    document = json.loads(command_line.run("model", "capacity", "--json").stdout)

    assert (
        result.stdout == "Capacity policy 1: A photo starts a stopped model. It is not stopped when idle. "
        "No shifts limit its hours. No daily budget.\n"
    )
    assert document["events"] == []


def test_a_capacity_policy_that_is_no_text_is_refused(
    command_line: CommandLine, room: Room, tmp_path: Path
) -> None:
    (tmp_path / "policy.json").write_bytes(b'{"version": "\xff"}')

    result = command_line.run("model", "capacity", "--set", str(tmp_path / "policy.json"))

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "not UTF-8" in result.stderr


def test_a_set_is_checked_without_a_line(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("{}\n", encoding="utf-8")

    result = command_line.run("dataset", "validate", str(tmp_path / "m"), "--json")

    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["refused"]
    assert "ERROR_MISSING_SOURCE_REF" in {one["code"] for one in document["errors"]}
    assert "ERROR_MISSING_SOURCE_REF" in command_line.run("dataset", "validate", str(tmp_path / "m")).stdout


def test_an_own_model_is_waited_for_and_listed_with_its_kind(command_line: CommandLine, room: Room) -> None:
    room.world.own, _ = add_own_model("winter")

    refused = command_line.run("model", "train", "--kind", "own", "--no-wait")
    assert (refused.exit_code, "--no-wait needs --kind custom-labels" in refused.stderr) == (2, True)
    kinds = {
        state["name"]: state["kind"]
        for state in json.loads(command_line.run("model", "list", "--json").stdout)
    }
    assert kinds == {"old": "custom-labels", "new": "custom-labels", "winter": "own"}
    assert "costs nothing while idle" in command_line.run("model", "status", "winter").stdout
