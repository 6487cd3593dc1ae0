"""The host of a benchmark, with a measure of its current speed: shared machines vary."""

import os
import platform
import time
from datetime import UTC, datetime

_ADDITIONS = 2_000_000


def describe_host() -> str:
    """Return the date, the processor, the load, and one core's speed in million additions per second."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, "
        f"{measure_speed():.1f} million additions/s"
    )


def measure_speed() -> float:
    """Return how many million additions Python makes in a second of CPU time."""
    began, total = time.process_time(), 0
    for number in range(_ADDITIONS):
        total += number
    return _ADDITIONS / 1_000_000 / (time.process_time() - began)
