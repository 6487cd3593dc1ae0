"""Failures, throttling and delays that a test or a drill has asked for."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from local.custom_labels.faults import Fault


@dataclass(frozen=True, slots=True)
class Trouble:
    """Calls of one operation that answer an error, after some that still succeed."""

    operation: str
    error: str
    times: int = 1
    after: int = 0
    message: str = "This failure was scripted."


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds that a model takes to start or stop, that every detection takes, that a training waits."""

    start: float = 0.0
    stop: float = 0.0
    detect: float = 0.0


class Rehearsal:
    """What is scripted now, and how often each operation was called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._troubles: list[Trouble] = []
        self._calls: Counter[str] = Counter()
        self.delays = Delays()
        self.failing_starts = 0

    def meet(self, operation: str) -> None:
        """Count the call, and fail it if that is its part."""
        with self._lock:
            self._calls[operation] += 1
            for place, trouble in enumerate(self._troubles):
                if trouble.operation == operation:
                    self._act(place, trouble)

    def _act(self, place: int, trouble: Trouble) -> None:
        if trouble.after > 0:
            self._troubles[place] = replace(trouble, after=trouble.after - 1)
            return
        if trouble.times <= 0:
            return
        self._troubles[place] = replace(trouble, times=trouble.times - 1)
        raise Fault(trouble.error, trouble.message)

    def next_start_fails(self) -> bool:
        with self._lock:
            if self.failing_starts <= 0:
                return False
            self.failing_starts -= 1
            return True

    def script(self, request: dict[str, Any]) -> None:
        """Add troubles, and replace the delays and the number of failing starts where they are given."""
        troubles = [Trouble(**trouble) for trouble in request.get("troubles", [])]
        delays = replace(self.delays, **request.get("delays", {}))
        failing = int(request.get("failing_starts", self.failing_starts))
        with self._lock:
            self._troubles.extend(troubles)
            self.delays, self.failing_starts = delays, failing

    def clear(self) -> None:
        with self._lock:
            self._troubles.clear()
            self._calls.clear()
            self.delays, self.failing_starts = Delays(), 0

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return {
                "calls": dict(self._calls),
                "troubles": [asdict(trouble) for trouble in self._troubles if trouble.times],
                "delays": asdict(self.delays),
                "failing_starts": self.failing_starts,
            }
