"""A short chaos run and a small burst on the local environment. The benchmarks do the same for longer."""

from collections.abc import Iterator

import pytest

from benchmarks.burst import run_burst
from benchmarks.chaos import recover, report_result, run_chaos
from benchmarks.traffic import Traffic
from cli.context import open_environment
from cli.sample_model import train_and_promote_sample_model
from local.environment import LocalEnvironment
from local.ports import Ports
from local.sample_parts import generate_parts

pytestmark = [pytest.mark.xdist_group("chaos"), pytest.mark.timeout(900)]

TIMEOUT_SECONDS = 600  # An idle machine needs seconds. This test only requires that all photos get settled.


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEnvironment]:
    with LocalEnvironment(tmp_path_factory.mktemp("chaos"), Ports.find_free()) as environment:
        train_and_promote_sample_model(
            open_environment(environment.outputs, environment.sdk_environment), generate_parts(60, seed=1000)
        )
        yield environment


def test_with_killed_and_paused_processes_no_photo_is_lost_and_all_is_consistent(
    environment: LocalEnvironment,
) -> None:
    traffic = Traffic(outputs=environment.outputs)

    monkey = run_chaos(environment, traffic, seed=5, minutes=0.3, photos=24, kills=8, aws_kills=2)
    recover(environment, traffic, monkey, TIMEOUT_SECONDS)
    traffic.stop()
    result = report_result(traffic, monkey)

    assert result["violations"] == []
    assert result["consistent"], result
    assert result["kills"]
    assert monkey.counts["killed aws"] == 2


def test_a_burst_is_processed_completely(environment: LocalEnvironment) -> None:
    result = run_burst(environment, uploads=40, seed=5, timeout_seconds=TIMEOUT_SECONDS)

    assert result["violations"] == []
    assert result["consistent"], result
    assert result["photos"] == 40
