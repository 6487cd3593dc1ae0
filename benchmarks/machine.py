"""What a benchmark ran on, with a measure of how fast that was just then: shared machines drift."""

import os
import platform
import time
from datetime import UTC, datetime

_ADDITIONS = 2_000_000


def machine() -> str:
    """The date, the processor, and how many million additions a second one core makes in Python."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}, "
        f"{speed():.1f} million additions/s"
    )


def speed() -> float:
    """Million additions a second of processor time."""
    began, total = time.process_time(), 0
    for number in range(_ADDITIONS):
        total += number
    return _ADDITIONS / 1_000_000 / (time.process_time() - began)
