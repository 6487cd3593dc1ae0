from dataclasses import replace

import pytest

from tests.model_world import (
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
    add_own_model,
    arn_of,
    build_registry,
)
from workflow.errors import ConfigurationError, Conflict, NotFound, PartcheckError
from workflow.models import promotion
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.evaluation import HoldOutEvaluation
from workflow.models.model import ModelStatus
from workflow.models.promotion import PromotionCase, running_since
from workflow.proportion import Proportion

OLD, NEW, THIRD = arn_of("old"), arn_of("new"), arn_of("third")


def evaluation(escapes: int) -> HoldOutEvaluation:
    return HoldOutEvaluation(
        model="m",
        hold_out="h",
        escapes=Proportion(escapes, 50),
        false_alarms=Proportion(0, 50),
        unclear=Proportion(0, 100),
    )


BETTER, WORSE = (
    PromotionCase(candidate=evaluation(1), current=evaluation(2)),
    PromotionCase(candidate=evaluation(3), current=evaluation(2)),
)


class Plant:
    """An environment that uses the model `old`, and a trained `new`."""

    def __init__(self) -> None:
        self.control_plane = InMemoryControlPlane(
            old=ModelStatus.RUNNING, new=ModelStatus.TRAINING_COMPLETED, third=ModelStatus.STOPPED
        )
        self.settings, self.event_log = InMemoryModelSettings(OLD), InMemoryEventLog()
        self.registry = build_registry(self.control_plane, self.settings, self.event_log)


@pytest.fixture
def plant() -> Plant:
    return Plant()


def test_a_better_model_runs_before_the_switch_and_the_old_one_stops_after_it(
    plant: Plant,
) -> None:
    statuses: list[tuple[ModelStatus, ModelStatus]] = []
    plant.settings.on_switch = lambda _arn: statuses.append(
        (plant.control_plane.status("old"), plant.control_plane.status("new"))
    )

    promotion.promote(plant.registry, NEW, "new policy", BETTER)

    assert statuses == [(ModelStatus.RUNNING, ModelStatus.RUNNING)]
    assert (plant.settings.arn, plant.settings.text) == (NEW, "new policy")
    assert plant.control_plane.status("old") is ModelStatus.STOPPING
    (event,) = plant.event_log.events("promote")
    assert (event.actor, event.before, event.after) == ("ada", OLD, NEW)
    assert event.details["candidate"]["escapes"]["count"] == 1
    assert event.details["current"]["escapes"]["count"] == 2


@pytest.mark.parametrize(("policy", "outgoing", "units"), [(1, 3, 3), (2, 1, 2), (1, 0, 1)])
def test_a_switch_keeps_the_number_of_units(plant: Plant, policy: int, outgoing: int, units: int) -> None:
    plant.settings.rules = CapacityPolicy(version="1", units=policy)
    plant.control_plane.versions[OLD] = replace(plant.control_plane.versions[OLD], units=outgoing)

    promotion.promote(plant.registry, NEW, "new policy", BETTER)
    assert plant.control_plane.versions[NEW].units == units
    promotion.rollback(plant.registry, "worse")

    assert plant.control_plane.versions[OLD].units == units


@pytest.mark.parametrize(
    ("case", "objection"),
    [
        (WORSE, "3 defects passed as ok instead of 2"),
        (PromotionCase(), "no frozen hold-out"),
        (PromotionCase(forced=True, reason=" "), "--force needs a reason"),
    ],
)
def test_a_candidate_that_is_not_better_changes_nothing(
    plant: Plant, case: PromotionCase, objection: str
) -> None:
    with pytest.raises(Conflict, match=objection):
        promotion.promote(plant.registry, NEW, "new policy", case)

    assert (plant.settings.arn, plant.control_plane.starts, plant.event_log.all) == (OLD, [], [])


def test_force_with_a_reason_replaces_a_comparison(plant: Plant) -> None:
    promotion.promote(plant.registry, NEW, "new policy", PromotionCase(forced=True, reason="new mould"))

    (event,) = plant.event_log.events("promote")
    assert (event.reason, event.details["forced"]) == ("new mould", True)


def test_the_first_model_needs_no_comparison(plant: Plant) -> None:
    plant.settings.arn = ""

    with pytest.raises(Conflict, match="29 judged parts"):
        promotion.promote(plant.registry, NEW, "new policy", PromotionCase(judged_parts=29))
    promotion.promote(plant.registry, NEW, "new policy", PromotionCase(judged_parts=30))

    assert plant.settings.arn == NEW


def test_a_rollback_restores_the_previous_model_and_its_policy_without_a_gap(plant: Plant) -> None:
    promotion.promote(plant.registry, NEW, "new policy", BETTER)
    plant.control_plane.sleep(3600)
    statuses: list[tuple[ModelStatus, ModelStatus]] = []
    plant.settings.on_switch = lambda _arn: statuses.append(
        (plant.control_plane.status("old"), plant.control_plane.status("new"))
    )

    assert promotion.rollback(plant.registry, "too many alarms") == OLD

    assert statuses == [(ModelStatus.RUNNING, ModelStatus.RUNNING)]
    assert (plant.settings.arn, plant.settings.text) == (OLD, "old policy")
    assert plant.control_plane.status("new") is ModelStatus.STOPPING
    assert plant.control_plane.max_active <= 2


@pytest.mark.parametrize("since", [0, 600], ids=["starts", "runs"])
def test_a_rollback_frees_a_running_slot_when_a_second_model_runs_or_starts(plant: Plant, since: int) -> None:
    promotion.promote(plant.registry, NEW, "new policy", BETTER)
    plant.control_plane.sleep(3600)
    plant.control_plane.start(THIRD)
    plant.control_plane.sleep(since)

    promotion.rollback(plant.registry, "worse")

    assert plant.settings.arn == OLD
    assert plant.control_plane.status("third") is ModelStatus.STOPPED
    assert plant.control_plane.max_active == 2


def test_without_a_previous_model_there_is_no_rollback(plant: Plant) -> None:
    with pytest.raises(NotFound, match="No model was in use before"):
        promotion.rollback(plant.registry, "worse")


def test_a_candidate_that_cannot_start_changes_nothing(plant: Plant) -> None:
    plant.control_plane.start_result = ModelStatus.FAILED

    with pytest.raises(PartcheckError, match="new is FAILED"):
        promotion.promote(plant.registry, NEW, "new policy", BETTER)

    assert plant.settings.arn == OLD
    assert plant.control_plane.status("old") is ModelStatus.RUNNING


def test_the_event_log_knows_the_start_of_a_running_model(plant: Plant) -> None:
    promotion.promote(plant.registry, NEW, "new policy", BETTER)

    events = plant.event_log.events()
    assert running_since(events, NEW) == plant.event_log.events("start")[0].at
    assert running_since(events, OLD) == ""


def test_an_own_model_is_neither_started_nor_stopped(plant: Plant) -> None:
    plant.control_plane.own, own = add_own_model("winter")
    promotion.promote(plant.registry, own, "own policy", BETTER)
    plant.control_plane.sleep(3600)

    assert (plant.settings.arn, plant.control_plane.status("old")) == (own, ModelStatus.STOPPED)
    assert promotion.rollback(plant.registry, "worse") == OLD
    assert plant.settings.arn == OLD
    assert plant.control_plane.starts == [OLD]
    assert {event.after for event in plant.event_log.events("start", "stop")} == {OLD}
    with pytest.raises(ConfigurationError, match="winter needs no stop"):
        promotion.ensure_stopped(plant.registry, own, "requested")


def test_an_own_model_takes_no_running_slot(plant: Plant) -> None:
    plant.control_plane.own, own = add_own_model("winter")
    promotion.promote(plant.registry, own, "own policy", BETTER)
    promotion.ensure_running(plant.registry, THIRD)
    promotion.promote(plant.registry, NEW, "new policy", BETTER)

    assert promotion.rollback(plant.registry, "worse") == own
    assert plant.control_plane.status("third") is ModelStatus.RUNNING
