"""The commands about references: make, show, propose, approve, and try photos with them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.model_world import arn_of
from tests.part_photos import part_photo
from tests.references import small_reference
from tests.unit.cli.conftest import CommandLine, Room
from tests.unit.pipeline import UNSURE
from vision.photo_decoding import PhotoError
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.routing_policy import DEFAULT_POLICY
from workflow.inspections.verdict import Score, Verdict
from workflow.pipeline.detection import ImageUnreadable, ModelAnswer, ModelNotReady

OLD = arn_of("old")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The objects that are read from S3, by key; with the manifest of a training on 40 photos."""
    objects = {f"photos/ok/{number}.png": part_photo(number) for number in range(40)}
    lines = [
        {
            "source-ref": f"s3://training/{key}",
            "verdict": 0,
            "verdict-metadata": {
                "class-name": "ok",
                "confidence": 1,
                "human-annotated": "yes",
                "creation-date": "2026-01-01T00:00:00",
                "type": "groundtruth/image-classification",
            },
        }
        for key in objects
    ]
    objects["train.manifest"] = "\n".join(map(json.dumps, lines)).encode()
    for module in ("s3_objects", "labelled_photos"):
        monkeypatch.setattr(f"datasets.{module}.read_object", lambda _bucket, key: objects[key])
    return objects


@pytest.fixture
def trained(room: Room, bucket: dict[str, bytes]) -> Room:
    """The model in use, with a list of the photos of its training."""
    room.world.versions[OLD] = replace(room.world.versions[OLD], training_uri="s3://training/train.manifest")
    return room


def test_a_model_that_exists_gets_its_reference_from_its_manifest(
    command_line: CommandLine, trained: Room
) -> None:
    result = command_line.run("model", "reference")

    assert result.exit_code == 0, result.output
    assert "40 photos of 40 parts (40 ok); expect about 1 in 41 usual parts to be stopped" in result.stdout
    assert "Measuring learned photos 40/40" in result.stderr
    reference = trained.references.get(OLD)
    assert reference is not None
    assert (reference.model, dict(reference.photos)) == (OLD, {"ok": 40})
    assert [event.action for event in trained.record.all] == ["make reference"]


def test_photos_that_are_gone_or_broken_are_counted_and_left_out(
    command_line: CommandLine, trained: Room, bucket: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflow.errors import NotFound

    bucket["photos/ok/1.png"] = b"no photo"

    def read(_bucket: str, key: str) -> bytes:
        if key == "photos/ok/0.png":
            raise NotFound(key)
        return bucket[key]

    monkeypatch.setattr("datasets.labelled_photos.read_object", read)

    result = command_line.run("model", "reference", "--json")

    assert json.loads(result.stdout)["reference"]["photos"] == {"ok": 38}
    assert "Left out 2 photos that are gone or cannot be decoded." in result.stderr


def test_a_model_whose_service_names_no_photos_is_told_so(command_line: CommandLine, room: Room) -> None:
    result = command_line.run("model", "reference")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "names no list of the photos" in result.stderr


def test_every_command_about_models_says_if_unusual_photos_are_not_recognised(
    command_line: CommandLine, room: Room
) -> None:
    for command in ("show", "status"):
        assert "unusual photos are not recognised" in command_line.run("model", command).stdout
    assert "none" in command_line.run("model", "list").stdout
    assert json.loads(command_line.run("model", "status", "--json").stdout)["reference"] is None


def test_show_tells_parts_ranges_and_the_share_of_learned_parts_that_would_be_stopped(
    command_line: CommandLine, room: Room
) -> None:
    room.references.put(small_reference(model=OLD))

    shown = command_line.run("model", "show").stdout

    assert "200 photos of 100 parts (40 defect, 60 ok)" in shown
    assert "expect about 1 in 101 usual parts to be stopped; up to 3.0%" in shown
    assert "Out of fold, 1 of 100 learned parts would be stopped: 1.0% (0.2% to 5.4%)" in shown
    assert "provisional" not in shown
    assert any(line.split() == ["brightness", "92.0", "140.0"] for line in shown.splitlines())
    assert "100 parts" in command_line.run("model", "list").stdout


def test_a_reference_of_few_parts_is_called_provisional(command_line: CommandLine, room: Room) -> None:
    room.references.put(small_reference(model=OLD, parts={"ok": 20, "defect": 9}))

    assert "provisional, because it has fewer than 30 parts" in command_line.run("model", "show").stdout


def test_a_promotion_warns_of_a_model_without_a_reference(command_line: CommandLine, room: Room) -> None:
    force = ("--force", "--reason", "new mould")
    room.references.put(small_reference(model=OLD))

    promoted = command_line.run("model", "promote", "new", *force)
    room.world.sleep(3600)
    rolled_back = command_line.run("model", "rollback")

    assert "Warning: Model new has no reference: unusual photos, such as black ones" in promoted.stderr
    assert "partcheck model reference new" in promoted.stderr
    assert "Warning" not in rolled_back.stderr


def test_the_model_in_use_and_its_reference_agree_after_every_switch(
    command_line: CommandLine, room: Room
) -> None:
    for name in ("old", "new"):
        room.references.put(small_reference(model=arn_of(name)))

    def model_of_reference() -> str:
        reference = room.references.get(room.settings.get_model())
        return reference.model if reference else ""

    assert model_of_reference() == OLD
    command_line.run("model", "promote", "new", "--force", "--reason", "new mould")
    assert model_of_reference() == room.settings.arn == arn_of("new")
    room.world.sleep(3600)
    command_line.run("model", "rollback")
    assert model_of_reference() == room.settings.arn == OLD


@pytest.fixture
def confirmed(command_line: CommandLine, referenced: Room) -> Room:
    """The model in use with its reference, and twenty photos in a new light that a person called ok."""
    pipeline = command_line.pipeline
    pipeline.detector.answers = [ModelAnswer(UNSURE.scores, OLD)]
    for number in range(20):
        image = pipeline.upload(part_photo(100 + number, light=1.4), key=f"line-1/{number}.png")
        pipeline.waiting(image, f"token {number}")
        pipeline.decide(image, Verdict.OK)
        pipeline.deliver(image)
        pipeline.finish(image)
    return referenced


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def change(name: str) -> None:
        monkeypatch.setattr("cli.model_services.login_name", lambda: name)

    return change


def test_an_update_is_proposed_by_one_person_and_approved_by_another(
    command_line: CommandLine, confirmed: Room, as_user: Callable[[str], None]
) -> None:
    first = confirmed.references.get(OLD)
    as_user("ada")
    proposed = command_line.run("model", "reference", "--update", "--reason", "new lamp")

    assert proposed.exit_code == 0, proposed.output
    assert confirmed.references.get(OLD) == first, "a proposal changes nothing"
    assert "Photos confirmed by people: 20 ok" in proposed.stdout
    assert any(line.split() == ["black", "30", "30", "30"] for line in proposed.stdout.splitlines())

    assert "new lamp" in command_line.run("model", "show").stdout, "the person who approves sees it"

    refused = command_line.run("model", "reference", "--approve")
    assert (refused.exit_code, confirmed.references.get(OLD)) == (1, first)
    assert "another person must approve" in refused.stderr

    as_user("bea")
    approved = command_line.run("model", "reference", "--approve")

    assert approved.exit_code == 0, approved.output
    after = confirmed.references.get(OLD)
    assert first is not None
    assert after is not None
    assert dict(after.photos) == {"ok": 60}
    assert after.ranges["brightness"][1] > first.ranges["brightness"][1] + 20
    assert confirmed.updates.get_first(OLD) == first
    assert [(event.actor, event.action) for event in confirmed.record.all[-2:]] == [
        ("ada", "propose reference"),
        ("bea", "approve reference"),
    ]


def test_an_update_needs_photos_that_people_confirmed(command_line: CommandLine, referenced: Room) -> None:
    command_line.inspect(content=part_photo(7))

    result = command_line.run("model", "reference", "--update", "--reason", "new lamp")

    assert result.exit_code == 1
    assert "No person confirmed a photo of model old" in result.stderr


def test_an_update_needs_a_reason(command_line: CommandLine, room: Room) -> None:
    assert command_line.run("model", "reference", "--update").exit_code == 2
    assert command_line.run("model", "reference", "--update", "--approve", "--reason", "x").exit_code == 2


class AskedByBytes:
    """A detector of photos that are not in S3."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, []  # type: ignore[var-annotated]

    def detect_labels_in_bytes(self, content: bytes) -> Any:
        self.asked.append(content)
        return self.answer


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> AskedByBytes:
    detector = AskedByBytes(ModelAnswer((Score("ok", 0.99), Score("defect", 0.01)), OLD))
    monkeypatch.setattr("workflow.aws.detector.RekognitionDetector", lambda _model: detector)
    return detector


@pytest.fixture(scope="module")
def learned() -> dict[str, ModelReference]:
    """The reference of the model in use, once it is made: that takes seconds."""
    return {}


@pytest.fixture
def referenced(command_line: CommandLine, trained: Room, learned: dict[str, ModelReference]) -> Room:
    """The model in use, with its reference."""
    if not learned:
        command_line.run("model", "reference")
        learned.update(trained.references.references)
    trained.references.references |= learned
    return trained


@pytest.fixture
def shots(tmp_path: Path, referenced: Room) -> Path:
    """A usual photo, a dark one, and a file that is no photo; the model in use has a reference."""
    referenced.settings.text = json.dumps(DEFAULT_POLICY)
    (tmp_path / "a.png").write_bytes(part_photo(500))
    (tmp_path / "b.png").write_bytes(part_photo(501, light=0.25))
    (tmp_path / "c.png").write_bytes(b"no photo")
    return tmp_path


def test_photos_are_tried_with_model_guard_and_policy_and_nothing_is_stored(
    command_line: CommandLine, detector: AskedByBytes, shots: Path
) -> None:
    result = command_line.run("model", "try", "--json", str(shots))

    usual, dark, broken = map(json.loads, result.stdout.splitlines())
    assert (usual["verdict"], usual["label"], usual["unusual"]) == ("ok", "ok", [])
    assert (dark["verdict"], dark["confidence"]) == ("unclear", 0.99)
    assert dark["unusual"][0].startswith("darker than every learned photo (mean ")
    assert dark["measures"]["brightness"] < 40
    assert (broken["verdict"], broken["measures"]) == ("rejected", None)
    assert result.exit_code == 1
    assert detector.asked == [(shots / name).read_bytes() for name in ("a.png", "b.png")]
    assert (command_line.pipeline.inspections.rows, command_line.inbox.keys) == ({}, [])


def test_each_tried_photo_is_one_line_with_its_reason(
    command_line: CommandLine, detector: AskedByBytes, shots: Path
) -> None:
    result = command_line.run("model", "try", str(shots / "a.png"), str(shots / "b.png"))

    header, usual, dark = result.stdout.splitlines()
    assert header.split() == ["photo", "verdict", "label", "confidence", "threshold", "reason"]
    assert "  ok " in usual
    assert "unclear" in dark
    assert "unusual: darker than every learned photo" in dark
    assert result.exit_code == 0


def test_a_model_without_a_reference_is_tried_with_a_warning(
    command_line: CommandLine, detector: AskedByBytes, shots: Path, room: Room
) -> None:
    room.references.references.clear()

    result = command_line.run("model", "try", str(shots / "b.png"))

    assert "Warning: Model old has no reference" in result.stderr
    assert "unclear" not in result.stdout


def test_photos_are_not_tried_with_the_reference_of_another_model(
    command_line: CommandLine, detector: AskedByBytes, shots: Path, room: Room
) -> None:
    room.references.references[OLD] = small_reference(model=arn_of("new"))

    result = command_line.run("model", "try", str(shots / "a.png"))

    assert (result.exit_code, detector.asked) == (2, [])
    assert f"The reference of {OLD} was made for {arn_of('new')}" in result.stderr


def test_a_photo_that_cannot_be_measured_is_unclear_as_in_the_pipeline(
    command_line: CommandLine, detector: AskedByBytes, shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_content: bytes) -> dict[str, Any]:
        raise PhotoError("broken")

    monkeypatch.setattr("vision.photo_measures.measure_photo", fail)

    tried = json.loads(command_line.run("model", "try", "--json", str(shots / "a.png")).stdout)

    assert tried["verdict"] == "unclear"
    assert tried["unusual"] == ["its light and shape could not be measured (broken)"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ModelNotReady("the model is busy", 5), "the model is busy"),
        (ImageUnreadable("no rights"), "no rights"),
    ],
)
def test_a_photo_that_was_not_judged_says_why_and_what_the_guard_saw(
    command_line: CommandLine, detector: AskedByBytes, shots: Path, answer: Any, reason: str
) -> None:
    detector.answer = answer

    result = command_line.run("model", "try", "--json", str(shots / "b.png"))

    tried = json.loads(result.stdout)
    assert (result.exit_code, tried["verdict"]) == (1, "not judged")
    assert "darker than every learned photo" in tried["problem"]
    assert reason in tried["problem"]


def test_a_model_that_does_not_run_is_named_before_a_photo_is_read(
    command_line: CommandLine, room: Room, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(part_photo(1))

    result = command_line.run("model", "try", "--model", "new", str(tmp_path))

    assert result.exit_code == 1
    assert "Model new is TRAINING_COMPLETED: start it with `partcheck model start new`" in result.stderr
