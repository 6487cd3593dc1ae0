"""Supervise the services of the local environment: start each one again that exits by itself."""

import _thread
import threading
import time
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from local.processes import ServiceProcess
from workflow.errors import PartcheckError

INTERVAL_SECONDS = 0.2
MAX_FAILED_RESUMES = 5


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
        self._failed_resumes = 0
        self._stopping, self._stopped, self._released = (threading.Event() for _ in range(3))
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self, services: Sequence[ServiceProcess]) -> None:
        """Supervise these services from now on."""
        self._services = services
        self._thread.start()

    def stop(self) -> None:
        """Restart nothing from now on. Wait for the end of a restart in progress."""
        self._stopping.set()
        self._stopped.wait()

    def release(self) -> None:
        """End the thread, and with it every service that it started."""
        self._released.set()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(INTERVAL_SECONDS):
                for service in self._services:
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
            service.restart()
        if name not in self._exited:
            return
        try:
            self._resume(service)
        except (PartcheckError, OSError, BotoCoreError, ClientError) as error:
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
