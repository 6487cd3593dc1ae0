import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.fakes import FakeDetector, MemoryLedger, MemoryQueue
from tests.model_world import MemoryPowerStore, MemoryRecord, World, arn_of
from workflow import timestamps
from workflow.aws.detector import _outcome
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image
from workflow.models import capacity
from workflow.models.capacity import Room, Situation, Step, decide
from workflow.models.capacity_policy import HANDS_OFF, PowerPolicy, parse
from workflow.models.model import ModelVersion, Status
from workflow.pipeline.detection import NotReady
from workflow.pipeline.intake import new_row

ARN = arn_of("autumn")
POLICY = PowerPolicy("1")
MONDAY_NOON, MONDAY_NIGHT = "2026-01-05T12:00:00.000Z", "2026-01-05T23:00:00.000Z"
SHIFTS = parse('{"version": "2", "shifts": [{"days": ["mon"], "from": "06:00", "to": "22:00"}]}')
EARLY = parse(
    '{"version": "3", "early": true, "shifts": [{"days": ["mon"], "from": "06:00", "to": "22:00"}]}'
)
BUDGET = PowerPolicy("4", daily_usd=10)


class Plant:
    """A model, photos, and the power manager called every minute."""

    def __init__(self, status: Status, policy: PowerPolicy = POLICY) -> None:
        self.world, self.ledger = World(autumn=status), MemoryLedger()
        self.alarms, self.log, self.store = MemoryQueue(), MemoryRecord(), MemoryPowerStore()
        self.room, self.policy = Room(self.world, self.store, self.log), policy

    def upload(self, count: int = 1) -> None:
        for number in range(count):
            image = Image("in", f"{self.world.now}-{number}.jpg", "v1")
            row = new_row(image, f"{len(self.ledger.rows)}", 1, self.world.now)
            self.ledger.claim(replace(row, claimed_at=self.world.now))

    def finish(self) -> None:
        for row in list(self.ledger.in_state(State.INSPECTING)):
            self.ledger.close(row.id, row.owner, self.world.now)

    def wanted(self) -> bool:
        return capacity.wanted(self.room, ARN, self.policy, self.world.now)

    def minutes(self, count: int) -> list[str]:
        told = []
        for _ in range(count):
            told.append(capacity.tend(self.room, self.ledger, self.alarms, ARN, self.policy, self.world.now))
            self.world.sleep(60)
        return told


def test_five_hundred_photos_ask_for_one_start_and_the_control_plane_is_left_in_peace() -> None:
    plant = Plant(Status.STOPPED)
    plant.upload(500)

    for _ in range(20):  # Each photo comes back every half minute until the model runs.
        for _ in range(500):
            if plant.world.status("autumn") is not Status.RUNNING:
                plant.wanted()
        plant.minutes(1)
        plant.world.sleep(-30)

    assert plant.world.starts == [ARN]
    assert plant.world.busiest_second <= 5
    assert plant.world.status("autumn") is Status.RUNNING
    assert plant.log.story == [("start", "photos wait for it")]


def test_a_lost_request_is_made_good_by_the_clock() -> None:
    plant = Plant(Status.STOPPED)
    plant.upload()

    assert plant.minutes(1) == ["start: photos wait for it"]
    assert plant.minutes(3) == ["starting"] * 3
    assert plant.world.starts == [ARN]


def test_an_idle_model_is_stopped_and_the_next_photo_starts_it_again() -> None:
    plant = Plant(Status.STOPPED)
    plant.upload()
    plant.minutes(7)
    plant.finish()

    told = plant.minutes(35)

    assert told.count("stop: no photo came for 30 min") == 1
    assert plant.world.status("autumn") is Status.STOPPED
    plant.upload()
    assert plant.wanted()
    assert [action for action, _ in plant.log.story] == ["start", "stop", "start"]


def test_a_model_with_photos_in_flight_is_not_idle() -> None:
    plant = Plant(Status.RUNNING)
    plant.upload()

    assert set(plant.minutes(60)) == {"running"}


def test_an_old_photo_that_is_inspected_again_waits_like_a_new_one() -> None:
    plant = Plant(Status.STOPPED)
    plant.upload()
    (row,) = plant.ledger.rows.values()
    again = replace(row, claimed_at="2025-01-01T00:00:00.000Z", attempted_at=plant.world.now, revision=2)
    plant.ledger.rows[row.id] = again

    assert plant.minutes(1) == ["start: photos wait for it"]
    assert set(plant.minutes(90)[10:]) == {"running"}


def test_the_budget_stops_the_model_and_nobody_starts_it_before_midnight() -> None:
    plant = Plant(Status.RUNNING, BUDGET)
    plant.upload()

    told = plant.minutes(24 * 60 - 1)

    assert [line for line in told if line.startswith("stop:")] == ["stop: $10.00 of $10.00 a day are spent"]
    assert not plant.wanted()
    assert plant.minutes(2)[-1] == "start: photos wait for it"


def test_a_failed_model_raises_one_alarm_and_is_tried_again_now_and_then() -> None:
    plant = Plant(Status.STOPPED)
    plant.world.start_ends = Status.FAILED
    plant.upload(3)

    plant.minutes(60)

    (body,) = plant.alarms.sent
    alarm = json.loads(body)
    assert (alarm["alarm"], alarm["model"], alarm["status"]) == ("model", ARN, "FAILED")
    assert "partcheck model rollback" in alarm["message"]
    assert len(plant.world.starts) == 3


@pytest.mark.parametrize("status", [Status.TRAINING_FAILED, Status.EXPIRED])
def test_a_model_that_never_runs_raises_one_alarm(status: Status) -> None:
    plant = Plant(status, HANDS_OFF)

    plant.minutes(5)

    assert len(plant.alarms.sent) == 1
    assert plant.world.starts == []


def test_a_model_that_is_gone_raises_one_alarm() -> None:
    plant = Plant(Status.STOPPED)
    plant.world.versions.clear()

    assert set(plant.minutes(3)) == {"the model does not exist"}
    assert len(plant.alarms.sent) == 1


def test_without_a_model_or_a_policy_nothing_happens() -> None:
    plant = Plant(Status.STOPPED, HANDS_OFF)
    plant.upload()

    assert not plant.wanted()
    assert plant.minutes(2) == ["stopped", "stopped"]
    assert (
        capacity.tend(plant.room, plant.ledger, plant.alarms, "", POLICY, plant.world.now)
        == "no model is chosen"
    )


def test_the_cost_of_the_day_is_counted_from_midnight() -> None:
    plant = Plant(Status.RUNNING)
    plant.upload()

    plant.minutes(61)
    assert plant.store.kept.spent_usd == pytest.approx(4.0, abs=1e-3)
    plant.world.seconds = 24 * 3600 + 1800
    plant.minutes(1)
    assert plant.store.kept.spent_usd == pytest.approx(2.0, abs=1e-3)


def test_of_two_that_tend_at_once_one_gives_way() -> None:
    plant = Plant(Status.STOPPED)
    plant.minutes(1)
    stale = plant.store.kept
    plant.minutes(1)
    plant.store.meter = lambda: stale  # type: ignore[method-assign]

    assert plant.minutes(1) == ["somebody else tends it"]


def seen(
    status: Status, now: str = MONDAY_NOON, waiting: bool = False, idle: bool = False, spent: float = 0
) -> Situation:
    return Situation(now, ModelVersion(ARN, status), waiting, idle, spent)


@pytest.mark.parametrize(
    ("policy", "situation", "action"),
    [
        (SHIFTS, seen(Status.STOPPED, waiting=True), "start"),
        (SHIFTS, seen(Status.STOPPED, MONDAY_NIGHT, waiting=True), ""),
        (SHIFTS, seen(Status.RUNNING, MONDAY_NIGHT), "stop"),
        (SHIFTS, seen(Status.RUNNING, MONDAY_NIGHT, waiting=True), ""),
        (EARLY, seen(Status.STOPPED), "start"),
        (EARLY, seen(Status.FAILED), ""),
        (EARLY, seen(Status.RUNNING, idle=True), ""),
        (POLICY, seen(Status.STOPPED), ""),
        (POLICY, seen(Status.RUNNING, idle=True), "stop"),
        (POLICY, seen(Status.STARTING, waiting=True), ""),
        (BUDGET, seen(Status.RUNNING, waiting=True, spent=10), "stop"),
        (BUDGET, seen(Status.STOPPED, waiting=True, spent=10), ""),
        (HANDS_OFF, seen(Status.RUNNING, idle=True), ""),
    ],
)
def test_budget_before_photos_before_calendar_before_idleness(
    policy: PowerPolicy, situation: Situation, action: str
) -> None:
    step: Step = decide(policy, situation)

    assert step.action == action
    assert bool(step.why) is bool(action)


def test_who_asks_twice_at_once_asks_once() -> None:
    plant = Plant(Status.STOPPED)
    asks: Callable[[], bool] = plant.wanted

    assert [asks(), asks(), asks()] == [True, False, False]
    plant.world.sleep(capacity.STARTING_SECONDS + 1)
    assert timestamps.seconds_between(plant.store.until, plant.world.now) > 0


def test_a_photo_that_finds_the_model_stopped_asks_and_one_that_finds_it_busy_does_not() -> None:
    plant = Plant(Status.STOPPED)
    detector = FakeDetector(NotReady("the model is busy", 10), _outcome(STOPPED))
    waking = capacity.Waking(detector, plant.room, ARN, lambda: POLICY)
    image = Image("in", "1.jpg", "v1")

    waking.custom_labels(image)
    assert plant.world.starts == []
    waking.custom_labels(image)
    assert plant.world.starts == [ARN]


STOPPED = ClientError({"Error": {"Code": "ResourceNotReadyException"}}, "DetectCustomLabels")
