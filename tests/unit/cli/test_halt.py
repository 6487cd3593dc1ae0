"""A stage that is taken away stops its own models, and names what else costs by the hour."""

import pytest

from cli.halt import Claims, claims, halt, hands_off
from tests.model_world import MemoryRecord, MemorySettings, World, arn_of
from workflow.aws.stacks import Stack
from workflow.errors import PartcheckError
from workflow.models.capacity_policy import HANDS_OFF, LOCAL_POLICY, PowerPolicy, parse
from workflow.models.model import Asked, ModelVersion, Status
from workflow.models.promotion import ModelEvent

NOBODYS = Claims(frozenset(), "", {})


def test_a_model_that_was_evaluated_and_never_put_to_use_is_stopped() -> None:
    world = World(used=Status.RUNNING, tried=Status.TRAINING_COMPLETED)
    world.start(arn_of("tried"))
    known = Claims(frozenset({arn_of("used"), arn_of("tried")}), "", {})

    assert halt(world, known, world.clock) == {}
    assert (world.status("used"), world.status("tried")) == (Status.STOPPED, Status.STOPPED)


def test_a_model_of_another_project_that_was_trained_into_the_stages_bucket_is_stopped() -> None:
    world, arn = World(), arn_of("first", "housings")
    world.versions[arn] = ModelVersion(arn, Status.RUNNING, summary="s3://training/housings/evaluation/first")

    assert halt(world, Claims(frozenset(), "train", {}), world.clock).keys() == {arn}
    assert halt(world, Claims(frozenset(), "training", {}), world.clock) == {}
    assert world.versions[arn].status is Status.STOPPED


def test_a_start_that_fails_ends_no_teardown() -> None:
    world = World(used=Status.STOPPED)
    world.start_ends = Status.FAILED
    world.start(arn_of("used"))

    assert halt(world, Claims(frozenset({arn_of("used")}), "", {}), world.clock) == {}
    assert world.status("used") is Status.FAILED


def test_a_control_plane_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, stop, answers = World(used=Status.RUNNING), World.stop, [Asked.BUSY, Asked.BUSY]
    monkeypatch.setattr(World, "stop", lambda self, arn: answers.pop() if answers else stop(self, arn))

    assert halt(world, Claims(frozenset({arn_of("used")}), "", {}), world.clock) == {}
    assert world.status("used") is Status.STOPPED


def test_a_model_that_will_not_stop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(used=Status.RUNNING)
    monkeypatch.setattr(World, "stop", lambda *_: Asked.BUSY)

    with pytest.raises(PartcheckError, match="Model used is still RUNNING: it costs money"):
        halt(world, Claims(frozenset({arn_of("used")}), "", {}), world.clock)


def test_what_another_stage_uses_runs_on_and_is_named_with_its_cost() -> None:
    world = World(shared=Status.RUNNING)
    known = Claims(frozenset({arn_of("shared")}), "", {arn_of("shared"): "partcheck-prod"})

    left = halt(world, known, world.clock)

    assert left == {arn_of("shared"): "US$96 a day: partcheck-prod uses it"}
    assert world.status("shared") is Status.RUNNING


def test_somebody_elses_model_runs_on_and_is_named_with_its_cost() -> None:
    world, arn = World(idle=Status.STOPPED), arn_of("cats", "pets")
    world.versions[arn] = ModelVersion(arn, Status.RUNNING, units=2, summary="s3://pets/reports")

    left = halt(world, NOBODYS, world.clock)

    assert left == {arn: "US$192 a day: it runs, and is not known as this stage's"}
    assert world.versions[arn].status is Status.RUNNING


def test_the_stages_record_tells_which_models_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    record, power, settings = MemoryRecord(), MemoryRecord(), MemorySettings(arn_of("used"))
    record.add(ModelEvent("2026-01-01T00:00:00.000Z", "ann", "start", arn_of("tried")))
    record.add(ModelEvent("2026-01-01T00:00:00.000Z", "ann", "evaluate", arn_of("somebody-elses")))
    power.add(ModelEvent("2026-01-01T00:00:00.000Z", "the line", "start", arn_of("woken")))
    books = {"model": record, "model-power": power}
    parameters = {"/partcheck/dev/model": settings, "/partcheck/prod/model": MemorySettings(arn_of("theirs"))}
    monkeypatch.setattr("workflow.aws.model_record.DynamoRecord", lambda _table, book: books[book])
    monkeypatch.setattr("workflow.aws.model_settings.ParameterSettings", parameters.__getitem__)
    prod = Stack("id", "partcheck-prod", "CREATE_COMPLETE", {"ModelParameter": "/partcheck/prod/model"})
    failed = Stack("id", "partcheck-test", "ROLLBACK_COMPLETE", {})

    known = claims("/partcheck/dev/model", "audit", "training", [prod, failed])

    own = frozenset(map(arn_of, ("used", "tried", "woken")))
    assert known == Claims(own, "training", {arn_of("theirs"): "partcheck-prod"})
    assert claims("", "", "", []) == NOBODYS


def test_photos_start_no_model_while_a_stage_is_taken_away() -> None:
    settings = MemorySettings(arn_of("used"))
    settings.set_power(LOCAL_POLICY)

    hands_off(settings)

    assert settings.power() == HANDS_OFF


def test_a_power_policy_that_cannot_be_read_keeps_nobody_from_stopping_models() -> None:
    class Stored(MemorySettings):
        def power(self) -> PowerPolicy:
            return parse(stored)

        def set_power(self, text: str) -> None:
            nonlocal stored
            stored = text

    stored, settings = "{}", Stored(arn_of("used"))

    hands_off(settings)

    assert settings.power() == HANDS_OFF
