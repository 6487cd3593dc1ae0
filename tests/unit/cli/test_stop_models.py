"""A stage that is taken away stops its own models, and names what else costs by the hour."""

import pytest

from cli.stage.stop_models import ModelOwnership, disable_capacity_manager, read_ownership, stop_models
from deployment.stacks import Stack
from tests.model_world import InMemoryControlPlane, InMemoryEventLog, InMemoryModelSettings, arn_of
from workflow.errors import PartcheckError
from workflow.models.capacity_policy import DISABLED, LOCAL_POLICY, CapacityPolicy, parse_capacity_policy
from workflow.models.model import ModelStatus, ModelVersion, RequestResult
from workflow.models.promotion import ModelAction, ModelEvent

NOBODYS = ModelOwnership(frozenset(), "", {})


def test_a_model_that_was_evaluated_and_never_put_to_use_is_stopped() -> None:
    world = InMemoryControlPlane(used=ModelStatus.RUNNING, tried=ModelStatus.TRAINING_COMPLETED)
    world.start(arn_of("tried"))
    known = ModelOwnership(frozenset({arn_of("used"), arn_of("tried")}), "", {})

    assert stop_models(world, known, world.clock) == {}
    assert (world.status("used"), world.status("tried")) == (ModelStatus.STOPPED, ModelStatus.STOPPED)


def test_a_model_of_another_project_that_was_trained_into_the_stages_bucket_is_stopped() -> None:
    world, arn = InMemoryControlPlane(), arn_of("first", "housings")
    world.versions[arn] = ModelVersion(
        arn=arn, status=ModelStatus.RUNNING, summary_uri="s3://training/housings/evaluation/first"
    )

    assert stop_models(world, ModelOwnership(frozenset(), "train", {}), world.clock).keys() == {arn}
    assert stop_models(world, ModelOwnership(frozenset(), "training", {}), world.clock) == {}
    assert world.versions[arn].status is ModelStatus.STOPPED


def test_a_start_that_fails_ends_no_teardown() -> None:
    world = InMemoryControlPlane(used=ModelStatus.STOPPED)
    world.start_result = ModelStatus.FAILED
    world.start(arn_of("used"))

    assert stop_models(world, ModelOwnership(frozenset({arn_of("used")}), "", {}), world.clock) == {}
    assert world.status("used") is ModelStatus.FAILED


def test_a_control_plane_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, stop, answers = (
        InMemoryControlPlane(used=ModelStatus.RUNNING),
        InMemoryControlPlane.stop,
        [RequestResult.BUSY, RequestResult.BUSY],
    )
    monkeypatch.setattr(
        InMemoryControlPlane, "stop", lambda self, arn: answers.pop() if answers else stop(self, arn)
    )

    assert stop_models(world, ModelOwnership(frozenset({arn_of("used")}), "", {}), world.clock) == {}
    assert world.status("used") is ModelStatus.STOPPED


def test_a_model_that_will_not_stop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = InMemoryControlPlane(used=ModelStatus.RUNNING)
    monkeypatch.setattr(InMemoryControlPlane, "stop", lambda *_: RequestResult.BUSY)

    with pytest.raises(PartcheckError, match="Model used is still RUNNING and costs money"):
        stop_models(world, ModelOwnership(frozenset({arn_of("used")}), "", {}), world.clock)


def test_what_another_stage_uses_runs_on_and_is_named_with_its_cost() -> None:
    world = InMemoryControlPlane(shared=ModelStatus.RUNNING)
    known = ModelOwnership(frozenset({arn_of("shared")}), "", {arn_of("shared"): "partcheck-prod"})

    left = stop_models(world, known, world.clock)

    assert left == {arn_of("shared"): "US$96 a day: partcheck-prod uses it"}
    assert world.status("shared") is ModelStatus.RUNNING


def test_somebody_elses_model_runs_on_and_is_named_with_its_cost() -> None:
    world, arn = InMemoryControlPlane(idle=ModelStatus.STOPPED), arn_of("cats", "pets")
    world.versions[arn] = ModelVersion(
        arn=arn, status=ModelStatus.RUNNING, units=2, summary_uri="s3://pets/reports"
    )

    left = stop_models(world, NOBODYS, world.clock)

    assert left == {arn: "US$192 a day: it does not belong to this stage"}
    assert world.versions[arn].status is ModelStatus.RUNNING


def test_the_stages_record_tells_which_models_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    record, power, settings = InMemoryEventLog(), InMemoryEventLog(), InMemoryModelSettings(arn_of("used"))
    record.add(
        ModelEvent(
            at="2026-01-01T00:00:00.000Z", actor="ann", action=ModelAction.START, after=arn_of("tried")
        )
    )
    record.add(
        ModelEvent(
            at="2026-01-01T00:00:00.000Z",
            actor="ann",
            action=ModelAction.EVALUATE,
            after=arn_of("somebody-elses"),
        )
    )
    power.add(
        ModelEvent(
            at="2026-01-01T00:00:00.000Z", actor="the line", action=ModelAction.START, after=arn_of("woken")
        )
    )
    books = {"model": record, "model-capacity": power}
    parameters = {
        "/partcheck/dev/model": settings,
        "/partcheck/prod/model": InMemoryModelSettings(arn_of("theirs")),
    }
    monkeypatch.setattr("workflow.aws.model_event_log.DynamoModelEventLog", lambda _table, book: books[book])
    monkeypatch.setattr("workflow.aws.model_settings.SsmModelSettings", parameters.__getitem__)
    prod = Stack(
        id="id",
        name="partcheck-prod",
        status="CREATE_COMPLETE",
        outputs={"ModelParameter": "/partcheck/prod/model"},
    )
    failed = Stack(id="id", name="partcheck-test", status="ROLLBACK_COMPLETE", outputs={})

    known = read_ownership("/partcheck/dev/model", "audit", "training", [prod, failed])

    own = frozenset(map(arn_of, ("used", "tried", "woken")))
    assert known == ModelOwnership(own, "training", {arn_of("theirs"): "partcheck-prod"})
    assert read_ownership("", "", "", []) == NOBODYS


def test_photos_start_no_model_while_a_stage_is_taken_away() -> None:
    settings = InMemoryModelSettings(arn_of("used"))
    settings.set_capacity_policy(LOCAL_POLICY)

    disable_capacity_manager(settings)

    assert settings.get_capacity_policy() == DISABLED


def test_a_power_policy_that_cannot_be_read_keeps_nobody_from_stopping_models() -> None:
    stored = "{}"

    class Stored(InMemoryModelSettings):
        def get_capacity_policy(self) -> CapacityPolicy:
            return parse_capacity_policy(stored)

        def set_capacity_policy(self, text: str) -> None:
            nonlocal stored
            stored = text

    settings = Stored(arn_of("used"))

    disable_capacity_manager(settings)

    assert settings.get_capacity_policy() == DISABLED
