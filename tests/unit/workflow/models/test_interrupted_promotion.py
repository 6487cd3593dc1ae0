"""A promotion that is interrupted at any step leaves a rollback that works."""

from collections.abc import Callable

import pytest

from tests.model_world import (
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
    arn_of,
    build_registry,
)
from workflow.models import promotion
from workflow.models.model import ModelStatus, RequestResult
from workflow.models.promotion import ModelEvent, PromotionCase

THIRD, OLD, NEW = arn_of("third"), arn_of("old"), arn_of("new")
FORCED = PromotionCase(forced=True, reason="new casting mould")
LAST_STEP = 7  # Start, its event, the promotion's event, policy, model, stop, its event.


class Crash(BaseException):
    """The end of the process."""


class Steps:
    """Counts changes, and ends the process before the change with the number `crash_at`."""

    def __init__(self) -> None:
        self.crash_at, self.done = 0, 0

    def count(self) -> None:
        self.done += 1
        if self.done == self.crash_at:
            raise Crash

    def run(self, action: Callable[[], object], crash_at: int) -> bool:
        """Run an action that crashes before a step. Return whether it crashed."""
        self.crash_at, self.done = crash_at, 0
        try:
            action()
        except Crash:
            return True
        finally:
            self.crash_at = 0
        return False


class CrashingWorld(InMemoryControlPlane):
    """Models whose starts and stops are steps."""

    steps: Steps

    def start(self, arn: str, units: int = 1) -> RequestResult:
        self.steps.count()
        return super().start(arn, units)

    def stop(self, arn: str) -> RequestResult:
        self.steps.count()
        return super().stop(arn)


class CrashingLog(InMemoryEventLog):
    """A log whose entries are steps."""

    steps: Steps

    def add(self, event: ModelEvent) -> None:
        self.steps.count()
        super().add(event)


class CrashingSettings(InMemoryModelSettings):
    """Settings that are written one after the other, like parameters."""

    steps: Steps

    def switch_model(self, arn: str, policy: str) -> None:
        self.steps.count()
        self.text = policy
        self.steps.count()
        self.arn = arn


class Plant:
    """An environment that uses `old`, which was promoted after `third`, and a trained `new`."""

    def __init__(self) -> None:
        self.steps = Steps()
        self.world = CrashingWorld(
            third=ModelStatus.STOPPED, old=ModelStatus.STOPPED, new=ModelStatus.TRAINING_COMPLETED
        )
        self.settings, self.log = CrashingSettings(THIRD, "third policy"), CrashingLog()
        for part in (self.world, self.settings, self.log):
            part.steps = self.steps
        self.registry = build_registry(self.world, self.settings, self.log)
        promotion.promote(self.registry, OLD, "old policy", FORCED)
        self.world.sleep(600)

    def promote(self) -> None:
        promotion.promote(self.registry, NEW, "new policy", FORCED)

    def rollback(self) -> None:
        promotion.rollback(self.registry, "worse")
        self.world.sleep(600)

    @property
    def in_use(self) -> tuple[str, str]:
        return self.settings.arn, self.settings.text

    @property
    def recorded(self) -> bool:
        return any(event.after == NEW for event in self.log.events("promote"))

    def assert_back_at_old(self) -> None:
        assert self.in_use == (OLD, "old policy")
        assert self.world.status("old") is ModelStatus.RUNNING
        assert self.world.status("new") is ModelStatus.STOPPED


@pytest.fixture
def plant() -> Plant:
    return Plant()


def test_a_promotion_has_seven_steps(plant: Plant) -> None:
    assert plant.steps.run(plant.promote, LAST_STEP)

    other = Plant()
    assert not other.steps.run(other.promote, LAST_STEP + 1)


@pytest.mark.parametrize("step", range(1, LAST_STEP + 1))
def test_the_model_is_never_switched_before_the_switch_is_recorded(plant: Plant, step: int) -> None:
    plant.steps.run(plant.promote, step)

    assert plant.recorded or plant.in_use == (OLD, "old policy")


@pytest.mark.parametrize("step", range(4, LAST_STEP + 1))
def test_a_rollback_after_a_crash_brings_back_the_model_and_its_policy(plant: Plant, step: int) -> None:
    assert plant.steps.run(plant.promote, step)

    plant.rollback()

    plant.assert_back_at_old()


@pytest.mark.parametrize("step", range(1, 6))
def test_a_promotion_that_is_repeated_after_a_crash_can_be_rolled_back(plant: Plant, step: int) -> None:
    assert plant.steps.run(plant.promote, step)

    plant.promote()
    assert plant.in_use == (NEW, "new policy")
    plant.world.sleep(600)
    plant.rollback()

    plant.assert_back_at_old()


@pytest.mark.parametrize("first", range(4, 6))
@pytest.mark.parametrize("second", range(4, 6))
def test_a_promotion_of_another_model_after_crashes_can_be_rolled_back(
    plant: Plant, first: int, second: int
) -> None:
    assert plant.steps.run(plant.promote, first)
    plant.world.sleep(600)
    promotion.ensure_stopped(plant.registry, NEW, "not promoted")
    assert plant.steps.run(lambda: promotion.promote(plant.registry, THIRD, "third policy", FORCED), second)

    plant.rollback()

    assert plant.in_use == (OLD, "old policy")
    assert plant.world.status("third") is ModelStatus.STOPPED


@pytest.mark.parametrize("interrupted", [LAST_STEP + 1, 4, 5], ids=["switched", "recorded", "policy"])
@pytest.mark.parametrize("step", range(1, 10))
def test_a_rollback_that_is_repeated_after_a_crash_ends_as_if_it_had_not_crashed(
    plant: Plant, interrupted: int, step: int
) -> None:
    plant.steps.run(plant.promote, interrupted)
    plant.world.sleep(600)
    plant.steps.run(plant.rollback, step)
    finished = plant.settings.arn == OLD and plant.log.events("rollback")
    if not finished:
        plant.rollback()

    assert plant.in_use == (OLD, "old policy")


def test_two_rollbacks_after_an_interrupted_promotion_reach_the_model_before(plant: Plant) -> None:
    plant.steps.run(plant.promote, 5)

    plant.rollback()
    plant.rollback()

    assert plant.in_use == (THIRD, "third policy")
