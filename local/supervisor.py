"""Supervise the services of the local environment: start each one again that exits by itself."""

import _thread
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from local.processes import ServiceProcess
from workflow.errors import PartcheckError

T = TypeVar("T")
INTERVAL_SECONDS = 0.2
EXIT_SECONDS = 2  # The time after which a dead process is known to be the cause of an error.
MAX_FAILED_RESUMES = 5
SERVICE_ERRORS = (PartcheckError, OSError, BotoCoreError, ClientError)


class Supervisor:
    """A thread that restarts services. It lives until `release`, because they end with it.

    `failure` is set, and the main thread interrupted, when a service cannot be kept running.
    """

    def __init__(
        self, resume: Callable[[ServiceProcess], None], report: Callable[[str], None] = lambda _: None
    ) -> None:
        self.failure: PartcheckError | None = None
        self._resume, self._report = resume, report
        self._services: Sequence[ServiceProcess] = ()
        self._exited: dict[str, tuple[float, str]] = {}
        self._failed_resumes = self._restarts = 0
        self._stopping, self._stopped, self._released = (threading.Event() for _ in range(3))
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self, services: Sequence[ServiceProcess]) -> None:
        """Supervise these services from now on."""
        self._services = services
        self._thread.start()

    def retry(self, action: Callable[[], T]) -> T:
        """Run an action. Run it again if it failed because a service was down, until all services are up."""
        while True:
            restarts = self._restarts
            try:
                return action()
            except SERVICE_ERRORS as error:
                if not self._was_down(restarts):
                    raise self.failure or error from None

    def _was_down(self, restarts: int) -> bool:
        """Return True if a service exited since this number of restarts; if so, wait until all are up."""
        deadline = time.monotonic() + EXIT_SECONDS
        while not (was_down := self._restarts != restarts or self._is_down()) and time.monotonic() < deadline:
            time.sleep(INTERVAL_SECONDS)
        while was_down and self._is_down() and not self._stopped.is_set():
            time.sleep(INTERVAL_SECONDS)
        return was_down and not self._stopped.is_set()

    def _is_down(self) -> bool:
        return bool(self._exited) or any(service.has_exited for service in self._services)

    def stop(self) -> None:
        """Restart nothing from now on. Wait for the end of a restart in progress."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._stopped.wait()

    def release(self) -> None:
        """End the thread, and with it every service that it started."""
        self._released.set()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(INTERVAL_SECONDS):
                for service in list(self._services):
                    if not self._stopping.is_set():
                        self._keep_running(service)
        except PartcheckError as error:
            self.failure = error
            _thread.interrupt_main()
        finally:
            self._stopped.set()
            self._released.wait()

    def _keep_running(self, service: ServiceProcess) -> None:
        """Restart a service that exited, and resume it. Retry if another one exited meanwhile."""
        name = service.spec.name
        if service.has_exited:
            self._exited.setdefault(name, (time.monotonic(), service.exit_reason))
            self._restarts += 1
            service.restart()
        if name not in self._exited:
            return
        try:
            self._resume(service)
        except SERVICE_ERRORS as error:
            if any(other.has_exited for other in self._services):
                return
            self._failed_resumes += 1
            if self._failed_resumes >= MAX_FAILED_RESUMES:
                raise PartcheckError(
                    f"The {name} process was restarted and does not work: {error}"
                ) from error
            return
        self._failed_resumes = 0
        since, reason = self._exited.pop(name)
        seconds = time.monotonic() - since
        self._report(f"The {name} process ended ({reason}) and was started again within {seconds:.1f} s.")
