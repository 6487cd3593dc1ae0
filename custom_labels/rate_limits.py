"""AWS's rate limits: calls per second by operation, photos per second by model (token buckets)."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from custom_labels.errors import ServiceError

PHOTOS_PER_SECOND_AND_UNIT = 5.0
CONTROL_CALLS_PER_SECOND = 5.0
DETECT_CALLS_PER_SECOND = 50.0


@dataclass
class TokenBucket:
    """A bucket that refills at `rate` tokens a second and holds those of one second.

    `updated` is the time of the last refill in seconds.
    """

    rate: float
    updated: float
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.rate

    def take(self, now: float) -> bool:
        """Refill, then take one token; returns False if there is none."""
        self.tokens = min(self.rate, self.tokens + (now - self.updated) * self.rate)
        self.updated = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RateLimits:
    """Rate limits by operation and by model, applied only if `enforced`."""

    def __init__(self, enforced: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._enforced = enforced
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, TokenBucket] = {}

    def check_call(self, operation: str) -> None:
        """Count a call. Raise ServiceError if the operation's rate is exceeded."""
        rate = DETECT_CALLS_PER_SECOND if operation == "DetectCustomLabels" else CONTROL_CALLS_PER_SECOND
        if not self._take(operation, rate):
            message = f"Rate exceeded: {rate:g} calls of {operation} a second"
            raise ServiceError("ThrottlingException", message)

    def count_photo(self, arn: str, units: int) -> None:
        """Count a photo. Raise ServiceError if the rate of the model's inference units is exceeded."""
        rate = units * PHOTOS_PER_SECOND_AND_UNIT
        if not self._take(arn, rate):
            code = "ProvisionedThroughputExceededException"
            raise ServiceError(code, f"{units} inference units take {rate:g} photos a second")

    def _take(self, name: str, rate: float) -> bool:
        if not self._enforced:
            return True
        with self._lock:
            bucket = self._buckets.get(name)
            if bucket is None or bucket.rate != rate:
                bucket = self._buckets[name] = TokenBucket(rate, self._clock())
            return bucket.take(self._clock())
