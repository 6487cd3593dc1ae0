from dataclasses import replace

import pytest

from tests.model_world import MemoryRecord, MemorySettings, World, arn_of, desk
from workflow.errors import Conflict, NotFound, PartcheckError
from workflow.intervals import Rate
from workflow.models import promotion
from workflow.models.capacity_policy import PowerPolicy
from workflow.models.evaluation import Evaluation
from workflow.models.model import Status
from workflow.models.promotion import Case, running_since

OLD, NEW, THIRD = arn_of("old"), arn_of("new"), arn_of("third")


def figures(escapes: int) -> Evaluation:
    return Evaluation("m", "h", Rate(escapes, 50), Rate(0, 50), Rate(0, 100))


BETTER, WORSE = Case(figures(1), figures(2)), Case(figures(3), figures(2))


class Room:
    """A line that uses `old`, and a trained `new`."""

    def __init__(self) -> None:
        self.world = World(old=Status.RUNNING, new=Status.TRAINING_COMPLETED, third=Status.STOPPED)
        self.settings, self.record = MemorySettings(OLD), MemoryRecord()
        self.desk = desk(self.world, self.settings, self.record)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_better_model_runs_before_the_line_is_switched_to_it_and_the_old_one_stops_after(
    room: Room,
) -> None:
    seen: list[tuple[Status, Status]] = []
    room.settings.switched = lambda _arn: seen.append((room.world.status("old"), room.world.status("new")))

    promotion.promote(room.desk, NEW, "new policy", BETTER)

    assert seen == [(Status.RUNNING, Status.RUNNING)]
    assert (room.settings.arn, room.settings.text) == (NEW, "new policy")
    assert room.world.status("old") is Status.STOPPING
    (event,) = room.record.events("promote")
    assert (event.who, event.before, event.after) == ("ada", OLD, NEW)
    assert event.facts["candidate"]["escapes"]["count"] == 1
    assert event.facts["current"]["escapes"]["count"] == 2


@pytest.mark.parametrize(("policy", "outgoing", "units"), [(1, 3, 3), (2, 1, 2), (1, 0, 1)])
def test_the_line_judges_no_slower_after_a_switch(room: Room, policy: int, outgoing: int, units: int) -> None:
    room.settings.rules = PowerPolicy("1", units=policy)
    room.world.versions[OLD] = replace(room.world.versions[OLD], units=outgoing)

    promotion.promote(room.desk, NEW, "new policy", BETTER)
    assert room.world.versions[NEW].units == units
    promotion.rollback(room.desk, "worse")

    assert room.world.versions[OLD].units == units


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (WORSE, "3 defects passed as ok instead of 2"),
        (Case(), "no frozen hold-out"),
        (Case(forced=True, reason=" "), "--force needs a reason"),
    ],
)
def test_what_is_not_better_changes_nothing(room: Room, case: Case, why: str) -> None:
    with pytest.raises(Conflict, match=why):
        promotion.promote(room.desk, NEW, "new policy", case)

    assert (room.settings.arn, room.world.starts, room.record.all) == (OLD, [], [])


def test_force_and_a_reason_do_without_a_comparison(room: Room) -> None:
    promotion.promote(room.desk, NEW, "new policy", Case(forced=True, reason="new mould"))

    (event,) = room.record.events("promote")
    assert (event.reason, event.facts["forced"]) == ("new mould", True)


def test_the_first_model_has_nothing_to_be_compared_with(room: Room) -> None:
    room.settings.arn = ""

    promotion.promote(room.desk, NEW, "new policy", Case())

    assert room.settings.arn == NEW


def test_a_rollback_brings_the_former_model_and_its_policy_back_without_a_gap(room: Room) -> None:
    promotion.promote(room.desk, NEW, "new policy", BETTER)
    room.world.sleep(3600)
    seen: list[tuple[Status, Status]] = []
    room.settings.switched = lambda _arn: seen.append((room.world.status("old"), room.world.status("new")))

    assert promotion.rollback(room.desk, "too many alarms") == OLD

    assert seen == [(Status.RUNNING, Status.RUNNING)]
    assert (room.settings.arn, room.settings.text) == (OLD, "old policy")
    assert room.world.status("new") is Status.STOPPING
    assert room.world.most_up <= 2


@pytest.mark.parametrize("since", [0, 600], ids=["starts", "runs"])
def test_a_rollback_makes_room_when_a_second_model_runs_or_starts(room: Room, since: int) -> None:
    promotion.promote(room.desk, NEW, "new policy", BETTER)
    room.world.sleep(3600)
    room.world.start(THIRD)
    room.world.sleep(since)

    promotion.rollback(room.desk, "worse")

    assert room.settings.arn == OLD
    assert room.world.status("third") is Status.STOPPED
    assert room.world.most_up == 2


def test_without_a_former_model_there_is_no_way_back(room: Room) -> None:
    with pytest.raises(NotFound, match="No model was in use before"):
        promotion.rollback(room.desk, "worse")


def test_a_candidate_that_cannot_start_leaves_the_line_as_it_is(room: Room) -> None:
    room.world.start_ends = Status.FAILED

    with pytest.raises(PartcheckError, match="new is FAILED"):
        promotion.promote(room.desk, NEW, "new policy", BETTER)

    assert room.settings.arn == OLD
    assert room.world.status("old") is Status.RUNNING


def test_the_record_knows_since_when_a_model_runs(room: Room) -> None:
    promotion.promote(room.desk, NEW, "new policy", BETTER)

    events = room.record.events()
    assert running_since(events, NEW) == room.record.events("start")[0].at
    assert running_since(events, OLD) == ""
