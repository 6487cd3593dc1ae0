"""Fault injection: errors, throttling and delays that a test or an exercise configured."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from custom_labels.errors import ServiceError


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedError:
    """An error for the next `times` calls of an operation, after `after` calls without it."""

    operation: str
    error: str
    times: int = 1
    after: int = 0
    message: str = "This failure was injected."


@dataclass(frozen=True, slots=True)
class InjectedDelays:
    """Seconds that the start and the stop of a model and every detection take longer."""

    start: float = 0.0
    stop: float = 0.0
    detect: float = 0.0


class FaultInjector:
    """The configured faults, and the number of calls of each operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._errors: list[InjectedError] = []
        self._calls: Counter[str] = Counter()
        self.delays = InjectedDelays()
        self.failing_starts = 0

    def before_call(self, operation: str) -> None:
        """Count the call. Raise ServiceError if an error is configured for it."""
        with self._lock:
            self._calls[operation] += 1
            for index, injected in enumerate(self._errors):
                if injected.operation == operation:
                    self._apply(index, injected)

    def _apply(self, index: int, injected: InjectedError) -> None:
        if injected.after > 0:
            self._errors[index] = replace(injected, after=injected.after - 1)
            return
        if injected.times <= 0:
            return
        self._errors[index] = replace(injected, times=injected.times - 1)
        raise ServiceError(injected.error, injected.message)

    def take_start_failure(self) -> bool:
        """Return True if the start of this model must fail; each configured failure is used once."""
        with self._lock:
            if self.failing_starts <= 0:
                return False
            self.failing_starts -= 1
            return True

    def configure(self, request: dict[str, Any]) -> None:
        """Add errors; replace the delays and the number of failing starts if the request has them."""
        errors = [InjectedError(**error) for error in request.get("errors", [])]
        delays = replace(self.delays, **request.get("delays", {}))
        failing = int(request.get("failing_starts", self.failing_starts))
        with self._lock:
            self._errors.extend(errors)
            self.delays, self.failing_starts = delays, failing

    def reset(self) -> None:
        """Remove all faults and set the counts to zero."""
        with self._lock:
            self._errors.clear()
            self._calls.clear()
            self.delays, self.failing_starts = InjectedDelays(), 0

    def to_dict(self) -> dict[str, Any]:
        """Return calls, errors, delays and failing starts."""
        with self._lock:
            return {
                "calls": dict(self._calls),
                "errors": [asdict(injected) for injected in self._errors if injected.times],
                "delays": asdict(self.delays),
                "failing_starts": self.failing_starts,
            }
