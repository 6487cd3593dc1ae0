"""A service that dies is started again, and an action that it interrupted runs again."""

import _thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from local import supervisor as supervisor_module
from local.supervisor import Supervisor
from workflow.errors import PartcheckError

TIMEOUT_SECONDS = 240


@pytest.fixture(autouse=True)
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "INTERVAL_SECONDS", 0.005)
    monkeypatch.setattr(supervisor_module, "EXIT_SECONDS", 0.05)


@dataclass
class FakeService:
    """A service that the test kills."""

    name: str = "aws"
    has_exited: bool = False
    restarts: int = 0
    exit_reason: str = "SIGKILL"

    @property
    def spec(self) -> Any:
        return SimpleNamespace(name=self.name)

    def restart(self) -> None:
        self.restarts += 1
        self.has_exited = False


@contextmanager
def supervised(
    *services: FakeService, resume: Callable[[Any], None] = lambda _: None
) -> Iterator[Supervisor]:
    supervisor = Supervisor(resume)
    supervisor.start(services)  # type: ignore[arg-type]
    try:
        yield supervisor
    finally:
        supervisor.stop()
        supervisor.release()


def test_an_action_that_a_dead_service_interrupted_runs_again() -> None:
    service, calls = FakeService(), [1, 2, 3]

    def action() -> int:
        if service.restarts < 2:
            service.has_exited = True
            raise ConnectionError
        return calls.pop()

    with supervised(service) as supervisor:
        assert supervisor.retry(action) == 3
    assert service.restarts == 2


def test_it_runs_again_only_after_the_service_got_its_resources() -> None:
    service, resumed = FakeService(), list[str]()

    def resume(restarted: FakeService) -> None:
        resumed.append(restarted.name)

    def action() -> list[str]:
        if not service.restarts:
            service.has_exited = True
            raise ConnectionError
        return list(resumed)

    with supervised(service, resume=resume) as supervisor:
        assert supervisor.retry(action) == ["aws"]


def test_an_error_while_all_services_live_is_raised() -> None:
    with supervised(FakeService()) as supervisor, pytest.raises(PartcheckError, match="a wrong photo"):
        supervisor.retry(lambda: (_ for _ in ()).throw(PartcheckError("a wrong photo")))


def test_an_error_that_no_service_can_cause_is_raised_at_once() -> None:
    service = FakeService()

    def action() -> None:
        service.has_exited = True
        raise KeyError

    with supervised(service) as supervisor, pytest.raises(KeyError):
        supervisor.retry(action)


def test_a_service_that_cannot_be_resumed_is_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted: list[bool] = []
    monkeypatch.setattr(_thread, "interrupt_main", lambda: interrupted.append(True))
    service = FakeService()

    def resume(_: Any) -> None:
        raise PartcheckError("no table")

    def action() -> None:
        service.has_exited = True
        raise ConnectionError

    with supervised(service, resume=resume) as supervisor:
        with pytest.raises(PartcheckError, match="does not work: no table"):
            supervisor.retry(action)
        assert interrupted == [True]


def test_a_supervisor_that_never_started_stops() -> None:
    Supervisor(lambda _: None).stop()
