"""A killed service loses no acknowledged request, and every status is valid afterwards."""

from typing import Any

import pytest

from tests.integration.custom_labels.crashes import CrashTest
from tests.integration.custom_labels.running import ServiceProcess

ROUNDS = 5

pytestmark = pytest.mark.xdist_group("custom_labels_crashes")


def test_kills_at_random_moments_lose_nothing(service: ServiceProcess, s3: Any) -> None:
    crash_test = CrashTest(service, seed=1)
    crash_test.prepare()
    for number in range(ROUNDS):
        assert crash_test.run_round() == [], f"after kill {number + 1}"
    assert crash_test.kills == ROUNDS
