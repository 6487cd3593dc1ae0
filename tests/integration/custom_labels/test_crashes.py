"""Nothing that was acknowledged is lost when the service is killed, and every status is legal afterwards."""

from typing import Any

import pytest

from tests.integration.custom_labels.crashes import Crashes
from tests.integration.custom_labels.running import Service

ROUNDS = 5

pytestmark = pytest.mark.xdist_group("custom_labels_crashes")


def test_kills_at_random_moments_lose_nothing(service: Service, s3: Any) -> None:
    crashes = Crashes(service, seed=1)
    crashes.prepare()
    for number in range(ROUNDS):
        assert crashes.round() == [], f"after kill {number + 1}"
    assert crashes.kills == ROUNDS
