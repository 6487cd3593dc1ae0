import pytest

from tests.model_world import MONDAY, World, arn_of
from workflow import timestamps
from workflow.aws.models import Pace
from workflow.errors import PartcheckError
from workflow.models.model import ModelVersion, Status, in_words, name_of, project_of, wait_until


def test_a_model_is_named_by_its_arn() -> None:
    assert (project_of(arn_of("autumn")), name_of(arn_of("autumn"))) == ("parts", "autumn")
    assert (project_of("none"), name_of("none")) == ("", "none")


@pytest.mark.parametrize(
    ("status", "units", "since", "words"),
    [
        (Status.RUNNING, 1, "-11520", "running 3 h 12 min on 1 unit, about $12.80"),
        (Status.RUNNING, 2, "-1800", "running 30 min on 2 units, about $4.00"),
        (Status.RUNNING, 1, "", "running on 1 unit, since when is not recorded"),
        (Status.STOPPED, 1, "", "stopped"),
        (Status.TRAINING_FAILED, 0, "", "training failed: no photos"),
    ],
)
def test_the_state_and_the_cost_are_told_in_words(status: Status, units: int, since: str, words: str) -> None:
    version = ModelVersion(arn_of("autumn"), status, "no photos", units=units)
    begun = timestamps.later(MONDAY, float(since)) if since else ""

    assert in_words(version, begun, MONDAY) == words


def test_waiting_looks_ever_more_seldom_and_ends_when_the_model_is_there() -> None:
    world = World(autumn=Status.STOPPED)
    world.start(arn_of("autumn"))

    version = wait_until(world, arn_of("autumn"), Status.RUNNING, world.clock, 3600)

    assert version.status is Status.RUNNING
    assert world.busiest_second <= 5
    assert len(world.calls) < 100


def test_waiting_ends_with_a_sentence_when_the_model_fails() -> None:
    world = World(autumn=Status.STOPPED)
    world.start_ends = Status.FAILED
    world.start(arn_of("autumn"))

    with pytest.raises(PartcheckError, match="autumn is FAILED, not RUNNING: now FAILED"):
        wait_until(world, arn_of("autumn"), Status.RUNNING, world.clock, 3600)


def test_a_training_is_waited_for_no_longer_than_a_day() -> None:
    world = World(autumn=Status.TRAINING_IN_PROGRESS)

    with pytest.raises(PartcheckError, match="still TRAINING_IN_PROGRESS after 24 h"):
        wait_until(world, arn_of("autumn"), Status.TRAINING_COMPLETED, world.clock, 24 * 3600)


def test_calls_are_spaced_so_that_no_second_has_more_than_five() -> None:
    world, told = World(), []
    pace = Pace(5, lambda: world.seconds, world.sleep)

    for _ in range(50):
        pace.keep()
        told.append(world.seconds)

    assert all(later - sooner >= 0.999 for sooner, later in zip(told, told[5:], strict=False))
