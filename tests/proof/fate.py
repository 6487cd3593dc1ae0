"""What can happen to a worker at each call of a service, decided by chance that repeats itself."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import getcurrent, greenlet

RESTS = (0.01, 0.3, 2, 15, 70, 400, 4000)

# How each service says that it has no room. None of these had an effect.
THROTTLES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "s3": "SlowDown",
    "stepfunctions": "ThrottlingException",
    "rekognition": "ThrottlingException",
    "sqs": "ThrottlingException",
}


class Killed(BaseException):
    """The process is gone: nothing in it runs any more."""


@dataclass
class Fate:
    """Chances, for one history; `rest` hands control back to the world for so many seconds."""

    rng: random.Random
    chance: float
    rest: Callable[[float], None]
    calm: bool = False
    doom: int = 0

    def __post_init__(self) -> None:
        self.storms: set[str] = set()

    def call(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        """Do what the client asks, or not, or twice, or with an answer that never arrives."""
        if self.calm:
            return effect()
        if service in self.storms and self.rng.random() < 0.7:
            raise throttled(service, operation)
        if self.rng.random() >= self.chance and not self._doomed():
            return effect()
        return self._misfortune()(service, operation, effect)

    def _doomed(self) -> bool:
        self.doom -= 1
        return self.doom == 0

    def _misfortune(self) -> Callable[..., Any]:
        return self.rng.choice(
            (
                self._die,
                self._die_after,
                self._sleep,
                self._sleep_after,
                self._throttle,
                self._lose,
                self._repeat,
            )
        )

    def _die(self, _service: str, _operation: str, _effect: Callable[[], Any]) -> Any:
        raise Killed

    def _die_after(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        effect()
        raise Killed

    def _sleep(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        self.rest(self.rng.choice(RESTS))
        return effect()

    def _sleep_after(self, _service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        answer = effect()
        self.rest(self.rng.choice(RESTS))
        return answer

    def _throttle(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        if operation == "copy_object" and self.rng.random() < 0.5:
            code = "ConditionalRequestConflict"
        elif operation == "transact_write_items":
            reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
            error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(error, operation)
        else:
            raise throttled(service, operation)
        raise ClientError({"Error": {"Code": code, "Message": code}}, operation)

    def _lose(self, service: str, _operation: str, effect: Callable[[], Any]) -> Any:
        effect()
        raise ReadTimeoutError(endpoint_url=service)

    def _repeat(self, _service: str, operation: str, effect: Callable[[], Any]) -> Any:
        """The client did not hear the first answer and asks again by itself, as botocore does."""
        answer = effect()
        return answer if operation == "transact_write_items" else effect()


def throttled(service: str, operation: str) -> ClientError:
    """A service that has no room for this call."""
    code = THROTTLES[service]
    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, operation)


class Client:
    """A service's client as a worker sees it."""

    def __init__(self, service: str, behind: Any, fate: Fate, workers: Mapping[greenlet, Any]) -> None:
        self._service, self._behind, self._fate, self._workers = service, behind, fate, workers
        self.exceptions = getattr(behind, "exceptions", None)

    def get_paginator(self, operation: str) -> Any:
        paginator = self._behind.get_paginator(operation)
        return _Paginator(self, operation, paginator)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        effect = getattr(self._behind, operation)
        return lambda **call: self.at_a_point(operation, lambda: effect(**call))

    def at_a_point(self, operation: str, effect: Callable[[], Any]) -> Any:
        """Only workers meet their fate; the test's own calls do not."""
        if getcurrent() not in self._workers:
            return effect()
        return self._fate.call(self._service, operation, effect)


class _Paginator:
    def __init__(self, client: Client, operation: str, behind: Any) -> None:
        self._client, self._operation, self._behind = client, operation, behind

    def paginate(self, **call: Any) -> Any:
        return self._client.at_a_point(self._operation, lambda: self._behind.paginate(**call))
