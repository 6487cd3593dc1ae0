import pytest

from tests.model_world import MONDAY, InMemoryControlPlane, arn_of
from workflow import timestamps
from workflow.aws.rate_limiter import RateLimiter
from workflow.errors import PartcheckError
from workflow.models.model import (
    ModelStatus,
    ModelVersion,
    describe_status,
    project_name,
    version_name,
    wait_for_status,
)


def test_project_and_version_are_parsed_from_the_arn() -> None:
    assert (project_name(arn_of("autumn")), version_name(arn_of("autumn"))) == ("parts", "autumn")
    assert (project_name("none"), version_name("none")) == ("", "none")


@pytest.mark.parametrize(
    ("status", "units", "since", "words"),
    [
        (ModelStatus.RUNNING, 1, "-11520", "running 3 h 12 min on 1 unit, US$12.80 at AWS prices"),
        (ModelStatus.RUNNING, 2, "-1800", "running 30 min on 2 units, US$4.00 at AWS prices"),
        (ModelStatus.RUNNING, 1, "", "running on 1 unit, start time not recorded"),
        (ModelStatus.STOPPED, 1, "", "stopped"),
        (ModelStatus.TRAINING_FAILED, 0, "", "training failed: no photos"),
    ],
)
def test_the_status_and_the_cost_are_described_in_words(
    status: ModelStatus, units: int, since: str, words: str
) -> None:
    version = ModelVersion(arn=arn_of("autumn"), status=status, message="no photos", units=units)
    begun = timestamps.add_seconds(MONDAY, float(since)) if since else ""

    assert describe_status(version, begun, MONDAY) == words


def test_waiting_polls_less_and_less_often_and_ends_when_the_model_runs() -> None:
    control_plane = InMemoryControlPlane(autumn=ModelStatus.STOPPED)
    control_plane.start(arn_of("autumn"))

    version = wait_for_status(control_plane, arn_of("autumn"), ModelStatus.RUNNING, control_plane.clock, 3600)

    assert version.status is ModelStatus.RUNNING
    assert control_plane.busiest_second <= 5
    assert len(control_plane.calls) < 100


def test_waiting_ends_with_an_error_when_the_model_fails() -> None:
    control_plane = InMemoryControlPlane(autumn=ModelStatus.STOPPED)
    control_plane.start_result = ModelStatus.FAILED
    control_plane.start(arn_of("autumn"))

    with pytest.raises(PartcheckError, match="autumn is FAILED, not RUNNING: now FAILED"):
        wait_for_status(control_plane, arn_of("autumn"), ModelStatus.RUNNING, control_plane.clock, 3600)


def test_a_training_is_waited_for_no_longer_than_a_day() -> None:
    control_plane = InMemoryControlPlane(autumn=ModelStatus.TRAINING_IN_PROGRESS)

    with pytest.raises(PartcheckError, match="still TRAINING_IN_PROGRESS after 24 h"):
        wait_for_status(
            control_plane, arn_of("autumn"), ModelStatus.TRAINING_COMPLETED, control_plane.clock, 24 * 3600
        )


def test_calls_are_spaced_so_that_no_second_has_more_than_five() -> None:
    control_plane, times = InMemoryControlPlane(), []
    rate_limiter = RateLimiter(5, lambda: control_plane.seconds, control_plane.sleep)

    for _ in range(50):
        rate_limiter.acquire()
        times.append(control_plane.seconds)

    assert all(later - sooner >= 0.999 for sooner, later in zip(times, times[5:], strict=False))
