"""A rate limiter for calls of one process."""

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Spaces calls evenly, by sleeping. Threads share it."""

    def __init__(
        self,
        per_second: float,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval, self._seconds, self._sleep = 1 / per_second, seconds, sleep
        self._lock, self._next = threading.Lock(), 0.0

    def acquire(self) -> None:
        """Wait until the next call is allowed."""
        with self._lock:
            now = self._seconds()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
