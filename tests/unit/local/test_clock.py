import logging
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from lambdas.catalog import FUNCTIONS, Function
from local import clock
from local.clock import Clock

SCHEDULED = [function for function in FUNCTIONS if function.schedule_minutes]


class Calls:
    """Remembers who was called, and lets a test wait for it."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers: Iterator[str | Exception] = iter(answers)
        self.made: list[Function] = []
        self.enough = threading.Event()
        self._wanted = len(answers)

    def __call__(self, function: Function) -> str:
        self.made.append(function)
        if len(self.made) >= self._wanted:
            self.enough.set()
        answer = next(self._answers, "")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "SECONDS_BEFORE_FIRST_CALL", 0.01)
    monkeypatch.setattr(clock, "SECONDS_PER_MINUTE", 0.01)


def test_scheduled_functions_are_called_soon_and_again() -> None:
    calls = Calls("", "", "")
    ticking = Clock(logging.Logger("test"), calls)

    ticking.start()

    assert calls.enough.wait(30)
    ticking.stop()
    assert set(calls.made) == set(SCHEDULED)


def test_failures_are_logged_and_the_clock_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.Logger("test")
    log.addHandler(caplog.handler)
    calls = Calls("it broke", EndpointConnectionError(endpoint_url="http://gone"), "")
    ticking = Clock(log, calls)

    ticking.start()

    assert calls.enough.wait(30)
    ticking.stop()
    assert "partcheck-reconcile failed: it broke" in caplog.text
    assert "http://gone" in caplog.text


def test_a_stopped_clock_calls_nobody() -> None:
    calls = Calls("")
    ticking = Clock(logging.Logger("test"), calls)
    ticking.stop()

    ticking.start()

    assert not calls.enough.wait(0.1)


def test_no_proxy_stands_between_the_clock_and_its_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr("botocore.endpoint.get_environ_proxies", lambda _url: pytest.fail("it looked"))
    connect = boto3.client

    def refusing(service: str, config: Config) -> Any:
        connect(service, config=config)
        raise EndpointConnectionError(endpoint_url="nowhere")

    monkeypatch.setattr(boto3, "client", refusing)
    with pytest.raises(EndpointConnectionError):
        clock.invoke(SCHEDULED[0])
