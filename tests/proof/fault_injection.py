"""Fault injection: what can happen to a worker at each service call, chosen by a seeded random generator."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import getcurrent, greenlet

SUSPENSION_SECONDS = (0.01, 0.3, 2, 15, 70, 400, 4000)

# Each service's throttling error. A throttled call has no effect.
THROTTLING_CODES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "s3": "SlowDown",
    "stepfunctions": "ThrottlingException",
    "rekognition": "ThrottlingException",
    "sqs": "ThrottlingException",
}


class ProcessKilled(BaseException):
    """The end of a worker's process: no more of its code runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCall:
    """A call of a service that a worker made, or tried to make."""

    worker: str
    service: str
    operation: str
    request: Mapping[str, Any]


@dataclass(kw_only=True)
class FaultInjector:
    """The faults of one history. `suspend` returns control to the simulation for some seconds."""

    rng: random.Random
    fault_probability: float
    suspend: Callable[[float], None]
    disabled: bool = False
    calls_until_fault: int = 0
    calls: list[WorkerCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttled_services: set[str] = set()

    def call(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        """Run the effect of a client's call once, twice or not at all, or lose its response."""
        if self.disabled:
            return effect()
        if service in self.throttled_services and self.rng.random() < 0.7:
            raise throttling_error(service, operation)
        if self.rng.random() >= self.fault_probability and not self._countdown_ended():
            return effect()
        return self._choose_fault()(service, operation, effect)

    def _countdown_ended(self) -> bool:
        self.calls_until_fault -= 1
        return self.calls_until_fault == 0

    def _choose_fault(self) -> Callable[..., Any]:
        return self.rng.choice(
            (
                self._kill_before,
                self._kill_after,
                self._suspend_before,
                self._suspend_after,
                self._throttle,
                self._lose_response,
                self._repeat,
            )
        )

    def _kill_before(self, _service: str, _operation: str, _effect: Callable[[], Any]) -> Any:
        raise ProcessKilled

    def _kill_after(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        effect()
        raise ProcessKilled

    def _suspend_before(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        self.suspend(self.rng.choice(SUSPENSION_SECONDS))
        return effect()

    def _suspend_after(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        response = effect()
        self.suspend(self.rng.choice(SUSPENSION_SECONDS))
        return response

    def _throttle(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        if operation == "copy_object" and self.rng.random() < 0.5:
            code = "ConditionalRequestConflict"
        elif operation == "transact_write_items":
            reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, operation)
        else:
            raise throttling_error(service, operation)
        raise ClientError({"Error": {"Code": code, "Message": code}}, operation)

    def _lose_response(self, service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        effect()
        raise ReadTimeoutError(endpoint_url=service)

    def _repeat(self, _service: str, operation: str, effect: Callable[[], Any]) -> Any:
        """Lose the first response and repeat the call, as botocore's own retries do."""
        response = effect()
        return response if operation == "transact_write_items" else effect()


def throttling_error(service: str, operation: str) -> ClientError:
    """Return the error of a service that throttles a call."""
    code = THROTTLING_CODES[service]
    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, operation)


class FaultyClient:
    """A service's client as a worker sees it, with faults."""

    def __init__(
        self, service: str, backend: Any, faults: FaultInjector, workers: Mapping[greenlet, Any]
    ) -> None:
        self._service, self._backend, self._faults, self._workers = service, backend, faults, workers
        self.exceptions = getattr(backend, "exceptions", None)

    def get_paginator(self, operation: str) -> Any:
        """Return a paginator whose pages are fetched as one call with faults."""
        return _FaultyPaginator(self, operation, self._backend.get_paginator(operation))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        effect = getattr(self._backend, operation)
        return lambda **call: self.call_with_faults(operation, call, lambda: effect(**call))

    def call_with_faults(self, operation: str, request: Any, effect: Callable[[], Any]) -> Any:
        """Run a call. Only a worker's calls can fail; the test's own calls cannot."""
        if getcurrent() not in self._workers:
            return effect()
        worker = self._workers[getcurrent()]
        call = WorkerCall(worker=worker, service=self._service, operation=operation, request=request)
        self._faults.calls.append(call)
        return self._faults.call(self._service, operation, effect)


class _FaultyPaginator:
    def __init__(self, client: FaultyClient, operation: str, backend: Any) -> None:
        self._client, self._operation, self._backend = client, operation, backend

    def paginate(self, **call: Any) -> Any:
        return self._client.call_with_faults(self._operation, call, lambda: self._backend.paginate(**call))
