"""How many calls a second AWS would let through."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.custom_labels.faults import Fault

PHOTOS_PER_UNIT = 5.0
CONTROL_CALLS = 5.0
DETECT_CALLS = 50.0


@dataclass
class Bucket:
    """Fills at a rate, holds one second's worth, and lets a call through for each whole drop."""

    rate: float
    filled: float
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.rate

    def take(self, now: float) -> bool:
        self.level = min(self.rate, self.level + (now - self.filled) * self.rate)
        self.filled = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Rates:
    """Quotas by operation and by model; kept only when the service was asked to."""

    def __init__(self, kept: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept = kept
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def admit_call(self, operation: str) -> None:
        rate = DETECT_CALLS if operation == "DetectCustomLabels" else CONTROL_CALLS
        if not self._take(operation, rate):
            raise Fault("ThrottlingException", f"Rate exceeded: {rate:g} calls of {operation} a second")

    def admit_photo(self, arn: str, units: int) -> None:
        if not self._take(arn, units * PHOTOS_PER_UNIT):
            code = "ProvisionedThroughputExceededException"
            raise Fault(code, f"{units} inference units take {units * PHOTOS_PER_UNIT:g} photos a second")

    def _take(self, name: str, rate: float) -> bool:
        if not self._kept:
            return True
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None or bucket.rate != rate:
                bucket = self._buckets[name] = Bucket(rate, self._clock())
            return bucket.take(self._clock())
