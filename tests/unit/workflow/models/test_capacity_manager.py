import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from tests.fakes import FakeDetector, InMemoryInspectionRepository, InMemoryMessageQueue
from tests.model_world import (
    InMemoryCapacityStore,
    InMemoryControlPlane,
    InMemoryEventLog,
    add_own_model,
    arn_of,
)
from workflow import timestamps
from workflow.aws.detector import _to_outcome
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image
from workflow.models import capacity_manager
from workflow.models.capacity_manager import CapacityPorts, Observation, PlannedAction, plan_action
from workflow.models.capacity_policy import DISABLED, CapacityPolicy, parse_capacity_policy
from workflow.models.model import ModelStatus, ModelVersion
from workflow.pipeline.detection import ModelNotReady
from workflow.pipeline.start import new_inspection

ARN = arn_of("autumn")
POLICY = CapacityPolicy(version="1")
MONDAY_NOON, MONDAY_NIGHT = "2026-01-05T12:00:00.000Z", "2026-01-05T23:00:00.000Z"
SHIFTS = parse_capacity_policy(
    '{"version": "2", "shifts": [{"days": ["mon"], "from": "06:00", "to": "22:00"}]}'
)
PRESTART = parse_capacity_policy(
    '{"version": "3", "prestart": true, "shifts": [{"days": ["mon"], "from": "06:00", "to": "22:00"}]}'
)
BUDGET = CapacityPolicy(version="4", daily_usd=10)


class Plant:
    """A model, photos, and the capacity manager that runs every minute."""

    def __init__(self, status: ModelStatus, policy: CapacityPolicy = POLICY) -> None:
        self.control_plane, self.inspections = (
            InMemoryControlPlane(autumn=status),
            InMemoryInspectionRepository(),
        )
        self.alarms, self.event_log, self.store = (
            InMemoryMessageQueue(),
            InMemoryEventLog(),
            InMemoryCapacityStore(),
        )
        self.ports, self.policy = CapacityPorts(self.control_plane, self.store, self.event_log), policy

    def upload(self, count: int = 1) -> None:
        for number in range(count):
            image = Image("in", f"{self.control_plane.now}-{number}.jpg", "v1")
            row = new_inspection(image, f"{len(self.inspections.rows)}", 1, self.control_plane.now)
            self.inspections.claim(replace(row, claimed_at=self.control_plane.now))

    def finish(self) -> None:
        for row in list(self.inspections.list_by_state(InspectionState.INSPECTING)):
            self.inspections.close(row.id, row.owner, self.control_plane.now)

    def request_start(self) -> bool:
        return capacity_manager.request_start(self.ports, ARN, self.policy, self.control_plane.now)

    def run_minutes(self, count: int) -> list[str]:
        actions = []
        for _ in range(count):
            actions.append(
                capacity_manager.run_once(
                    self.ports,
                    self.inspections,
                    self.alarms,
                    arn=ARN,
                    policy=self.policy,
                    now=self.control_plane.now,
                )
            )
            self.control_plane.sleep(60)
        return actions


def test_five_hundred_photos_request_one_start_within_the_rate_of_the_control_plane() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.upload(500)

    for _ in range(20):  # Each photo is tried again every half minute until the model runs.
        for _ in range(500):
            if plant.control_plane.status("autumn") is not ModelStatus.RUNNING:
                plant.request_start()
        plant.run_minutes(1)
        plant.control_plane.sleep(-30)

    assert plant.control_plane.starts == [ARN]
    assert plant.control_plane.busiest_second <= 5
    assert plant.control_plane.status("autumn") is ModelStatus.RUNNING
    assert plant.event_log.actions_and_reasons == [("start", "photos wait for it")]


def test_a_lost_request_is_repeated_by_the_scheduled_run() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.upload()

    assert plant.run_minutes(1) == ["start: photos wait for it"]
    assert plant.run_minutes(3) == ["starting"] * 3
    assert plant.control_plane.starts == [ARN]


def test_an_idle_model_is_stopped_and_the_next_photo_starts_it_again() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.upload()
    plant.run_minutes(7)
    plant.finish()

    actions = plant.run_minutes(35)

    assert actions.count("stop: no photo came for 30 min") == 1
    assert plant.control_plane.status("autumn") is ModelStatus.STOPPED
    plant.upload()
    assert plant.request_start()
    assert [action for action, _ in plant.event_log.actions_and_reasons] == ["start", "stop", "start"]


def test_a_model_with_photos_in_flight_is_not_idle() -> None:
    plant = Plant(ModelStatus.RUNNING)
    plant.upload()

    assert set(plant.run_minutes(60)) == {"running"}


def test_an_old_photo_that_is_reinspected_waits_like_a_new_one() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.upload()
    (row,) = plant.inspections.rows.values()
    reinspected = replace(
        row, claimed_at="2025-01-01T00:00:00.000Z", attempted_at=plant.control_plane.now, revision=2
    )
    plant.inspections.rows[row.id] = reinspected

    assert plant.run_minutes(1) == ["start: photos wait for it"]
    assert set(plant.run_minutes(90)[10:]) == {"running"}


def test_the_budget_stops_the_model_until_midnight() -> None:
    plant = Plant(ModelStatus.RUNNING, BUDGET)
    plant.upload()

    actions = plant.run_minutes(24 * 60 - 1)

    assert [action for action in actions if action.startswith("stop:")] == [
        "stop: $10.00 of $10.00 a day are spent"
    ]
    assert not plant.request_start()
    assert plant.run_minutes(2)[-1] == "start: photos wait for it"


def test_a_failed_model_raises_one_alarm_and_is_started_again_later() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.control_plane.start_result = ModelStatus.FAILED
    plant.upload(3)

    plant.run_minutes(60)

    (body,) = plant.alarms.sent
    alarm = json.loads(body)
    assert (alarm["alarm"], alarm["model"], alarm["status"]) == ("model", ARN, "FAILED")
    assert "partcheck model rollback" in alarm["message"]
    assert len(plant.control_plane.starts) == 3


@pytest.mark.parametrize("status", [ModelStatus.TRAINING_FAILED, ModelStatus.EXPIRED])
def test_a_model_that_never_runs_raises_one_alarm(status: ModelStatus) -> None:
    plant = Plant(status, DISABLED)

    plant.run_minutes(5)

    assert len(plant.alarms.sent) == 1
    assert plant.control_plane.starts == []


def test_a_model_that_is_gone_raises_one_alarm() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.control_plane.versions.clear()

    assert set(plant.run_minutes(3)) == {"the model does not exist"}
    assert len(plant.alarms.sent) == 1


def test_without_a_model_or_a_policy_nothing_happens() -> None:
    plant = Plant(ModelStatus.STOPPED, DISABLED)
    plant.upload()

    assert not plant.request_start()
    assert plant.run_minutes(2) == ["stopped", "stopped"]
    assert (
        capacity_manager.run_once(
            plant.ports, plant.inspections, plant.alarms, arn="", policy=POLICY, now=plant.control_plane.now
        )
        == "no model is chosen"
    )


def test_the_cost_of_the_day_is_counted_from_midnight() -> None:
    plant = Plant(ModelStatus.RUNNING)
    plant.upload()

    plant.run_minutes(61)
    assert plant.store.kept.spent_usd == pytest.approx(4.0, abs=1e-3)
    plant.control_plane.seconds = 24 * 3600 + 1800
    plant.run_minutes(1)
    assert plant.store.kept.spent_usd == pytest.approx(2.0, abs=1e-3)


def test_of_two_runs_at_once_one_gives_way() -> None:
    plant = Plant(ModelStatus.STOPPED)
    plant.run_minutes(1)
    stale = plant.store.kept
    plant.run_minutes(1)
    plant.store.load_meter = lambda: stale  # type: ignore[method-assign]

    assert plant.run_minutes(1) == ["another run was faster"]


def observe(
    status: ModelStatus, now: str = MONDAY_NOON, waiting: bool = False, idle: bool = False, spent: float = 0
) -> Observation:
    return Observation(
        now=now,
        version=ModelVersion(arn=ARN, status=status),
        photos_waiting=waiting,
        idle=idle,
        spent_usd=spent,
    )


@pytest.mark.parametrize(
    ("policy", "observation", "action"),
    [
        (SHIFTS, observe(ModelStatus.STOPPED, waiting=True), "start"),
        (SHIFTS, observe(ModelStatus.STOPPED, MONDAY_NIGHT, waiting=True), ""),
        (SHIFTS, observe(ModelStatus.RUNNING, MONDAY_NIGHT), "stop"),
        (SHIFTS, observe(ModelStatus.RUNNING, MONDAY_NIGHT, waiting=True), ""),
        (PRESTART, observe(ModelStatus.STOPPED), "start"),
        (PRESTART, observe(ModelStatus.FAILED), ""),
        (PRESTART, observe(ModelStatus.RUNNING, idle=True), ""),
        (POLICY, observe(ModelStatus.STOPPED), ""),
        (POLICY, observe(ModelStatus.RUNNING, idle=True), "stop"),
        (POLICY, observe(ModelStatus.STARTING, waiting=True), ""),
        (BUDGET, observe(ModelStatus.RUNNING, waiting=True, spent=10), "stop"),
        (BUDGET, observe(ModelStatus.STOPPED, waiting=True, spent=10), ""),
        (DISABLED, observe(ModelStatus.RUNNING, idle=True), ""),
    ],
)
def test_the_budget_comes_before_photos_before_shifts_before_idleness(
    policy: CapacityPolicy, observation: Observation, action: str
) -> None:
    planned: PlannedAction = plan_action(policy, observation)

    assert (planned.action or "") == action
    assert bool(planned.reason) is bool(action)


def test_repeated_requests_at_once_make_one_request() -> None:
    plant = Plant(ModelStatus.STOPPED)
    request: Callable[[], bool] = plant.request_start

    assert [request(), request(), request()] == [True, False, False]
    plant.control_plane.sleep(capacity_manager.STARTING_SECONDS + 1)
    assert timestamps.seconds_between(plant.store.until, plant.control_plane.now) > 0


def test_a_photo_requests_a_start_of_a_stopped_model_but_not_of_a_busy_one() -> None:
    plant = Plant(ModelStatus.STOPPED)
    detector = FakeDetector(ModelNotReady("the model is busy", 10), *[_to_outcome(STOPPED)] * 2)
    detector_with_start = capacity_manager.AutoStartingDetector(
        detector=detector, ports=plant.ports, model=ARN, policy=lambda: POLICY
    )
    image = Image("in", "1.jpg", "v1")

    detector_with_start.detect_labels(image)
    detector_with_start.detect_labels(Image("in", "partcheck-smoke/partcheck-smoke-1.jpg", "v1"))
    assert plant.control_plane.starts == []
    detector_with_start.detect_labels(image)
    assert plant.control_plane.starts == [ARN]


def test_an_unreadable_capacity_policy_lets_photos_wait_instead_of_failing() -> None:
    plant = Plant(ModelStatus.STOPPED)
    detector = capacity_manager.AutoStartingDetector(
        detector=FakeDetector(_to_outcome(STOPPED)),
        ports=plant.ports,
        model=ARN,
        policy=lambda: parse_capacity_policy("no policy"),
    )

    answer = detector.detect_labels(Image("in", "1.jpg", "v1"))

    assert isinstance(answer, ModelNotReady)
    assert answer.broken
    assert answer.reason.startswith("the model is not running, and the capacity policy: not JSON")


STOPPED = ClientError({"Error": {"Code": "ResourceNotReadyException"}}, "DetectCustomLabels")


def test_an_own_model_in_use_is_not_priced_and_a_running_model_beside_it_is() -> None:
    plant = Plant(ModelStatus.RUNNING, PRESTART)
    plant.control_plane.own, own = add_own_model("winter")
    plant.upload()

    for _ in range(61):
        action = capacity_manager.run_once(
            plant.ports, plant.inspections, plant.alarms, own, plant.policy, plant.control_plane.now
        )
        plant.control_plane.sleep(60)

    assert action == "the model needs no start and no stop"
    assert plant.store.kept.running.keys() == {ARN}
    assert plant.store.kept.spent_usd == pytest.approx(4.0, abs=1e-3)
    assert (plant.control_plane.starts, plant.alarms.sent, plant.event_log.all) == ([], [], [])
