import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from lambdas.catalog import FUNCTIONS, LambdaFunction
from local import scheduler
from local.scheduler import Scheduler

DEADLINE_SECONDS = 120
SCHEDULED = [function for function in FUNCTIONS if function.schedule_minutes]


class Calls:
    """Records the invoked functions, and lets a test wait for them."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers: Iterator[str | Exception] = iter(answers)
        self.invoked: list[LambdaFunction] = []
        self.enough = threading.Event()
        self._expected = len(answers)

    def __call__(self, function: LambdaFunction) -> str:
        self.invoked.append(function)
        if len(self.invoked) >= self._expected:
            self.enough.set()
        answer = next(self._answers, "")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SECONDS_BEFORE_FIRST_CALL", 0.01)
    monkeypatch.setattr(scheduler, "SECONDS_PER_MINUTE", 0.01)


def test_scheduled_functions_are_invoked_soon_and_repeatedly() -> None:
    calls = Calls(*[""] * (len(SCHEDULED) + 1))
    thread = Scheduler(logging.Logger("test"), calls)

    thread.start()

    assert calls.enough.wait(DEADLINE_SECONDS)
    thread.stop()
    assert set(calls.invoked) == set(SCHEDULED)


def test_failures_are_logged_and_the_scheduler_continues(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.Logger("test")
    log.addHandler(caplog.handler)
    calls = Calls("it broke", EndpointConnectionError(endpoint_url="http://gone"), "")
    thread = Scheduler(log, calls)

    thread.start()

    assert calls.enough.wait(DEADLINE_SECONDS)
    thread.stop()
    assert "partcheck-reconcile failed: it broke" in caplog.text
    assert "http://gone" in caplog.text


def test_a_stopped_scheduler_invokes_nothing() -> None:
    calls = Calls("")
    thread = Scheduler(logging.Logger("test"), calls)
    thread.stop()

    thread.start()

    thread._thread.join(DEADLINE_SECONDS)
    assert not thread._thread.is_alive()
    assert calls.invoked == []


def test_the_scheduler_invokes_functions_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr("botocore.endpoint.get_environ_proxies", lambda _url: pytest.fail("it looked"))
    create_client: Any = boto3.client

    def failing_client(service: str, config: Config) -> Any:
        create_client(service, config=config)
        raise EndpointConnectionError(endpoint_url="nowhere")

    monkeypatch.setattr(boto3, "client", failing_client)
    with pytest.raises(EndpointConnectionError):
        scheduler.invoke_function(SCHEDULED[0])


def test_functions_run_soon_when_a_service_was_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SECONDS_PER_MINUTE", 3600)
    calls = Calls(*[""] * 2 * len(SCHEDULED))
    thread = Scheduler(logging.Logger("test"), calls)
    thread.start()
    while len(calls.invoked) < len(SCHEDULED):
        time.sleep(0.01)

    thread.run_soon()

    assert calls.enough.wait(DEADLINE_SECONDS)
    thread.stop()
    assert calls.invoked == SCHEDULED * 2
