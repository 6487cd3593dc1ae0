"""Service processes: start, readiness, restart and stop. They never outlive the local environment."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from local import parent_death_signal
from local.ports import HOST
from workflow.errors import PartcheckError

READY_SECONDS = 120
EARLY_EXIT_SECONDS, MAX_EARLY_EXITS = 10, 5
_ROOT = Path(__file__).resolve().parent.parent
_INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INHERITED_VARIABLES = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "PATH",
    "TZ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service to run: module, arguments, environment, port, health check and time to stop."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    health_path: str
    grace_seconds: float


class ServiceProcess:
    """A running service with its own process group and log file.

    Start it from a thread that outlives it: Linux terminates it when the thread that started it exits. The
    process inherits the state directory's lock.
    """

    def __init__(self, spec: ServiceSpec, state_dir: Path, lock: int) -> None:
        self.spec = spec
        self.log_file = state_dir / "logs" / f"{spec.name}.log"
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists():
            self.log_file.replace(self.log_file.with_suffix(".previous.log"))
        self._state_dir, self._lock = state_dir, lock
        self._early_exits = 0
        self._start()

    def restart(self) -> None:
        """Start the service after its exit and the end of its process group.

        Raise PartcheckError after five early exits in a row.
        """
        early = time.monotonic() - self._started_at < EARLY_EXIT_SECONDS
        self._early_exits = self._early_exits + 1 if early else 0
        if self._early_exits >= MAX_EARLY_EXITS:
            self.raise_if_exited()
        self._end_group()
        self._start()

    def _end_group(self) -> None:
        """Kill what the dead process left running, such as function workers, and wait for their end."""
        while members := _group(self._process.pid):
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    @property
    def exit_reason(self) -> str:
        """Return how the process ended: its signal or its exit status."""
        code = self._process.returncode
        return signal.Signals(-code).name if code and code < 0 else f"exit status {code}"

    def _start(self) -> None:
        self._started_at = time.monotonic()
        command = [sys.executable, "-P", "-m", self.spec.module, *self.spec.arguments]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", parent_death_signal.__file__, str(os.getpid()), *command],
                cwd=self._state_dir,
                env=_environment(self._state_dir) | dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._lock,),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        """Return True if the process exited by itself."""
        return self._process.poll() is not None

    def raise_if_exited(self) -> None:
        """Raise PartcheckError, with the log file's name, if the process exited by itself."""
        if self.has_exited:
            raise PartcheckError(
                f"The {self.spec.name} process exited unexpectedly; see {self.log_file}{self._last_line()}"
            )

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the service answers. Raise PartcheckError if it exits or does not answer in time."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            self.raise_if_exited()
            if time.monotonic() > deadline:
                raise PartcheckError(
                    f"The {self.spec.name} process did not answer within {seconds:g} s; see {self.log_file}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Terminate the process gracefully, and kill its children first: its shutdown would wait for them."""
        self._process.terminate()
        for pid in _group(self._process.pid) - {self._process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.spec.grace_seconds)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.spec.port, timeout=5)
        try:
            connection.request("GET", self.spec.health_path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_line(self) -> str:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        return f" (last line: {written[-1]})" if written else ""


def _group(leader: int) -> set[int]:
    """Return the running pids of a process group. Without /proc it is empty and a stop takes longer."""
    members = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, fields = stat.read_text(encoding="utf-8").rpartition(")")
            state, _, group = fields.split()[:3]
            if group == str(leader) and state != "Z":
                members.add(int(stat.parent.name))
    return members


def _environment(state_dir: Path) -> dict[str, str]:
    """Return the base environment. Settings for other AWS tools or a proxy must not reach the services."""
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    return inherited | {
        "PYTHONPATH": str(_ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",  # The logs hold every character, in every locale.
        "TMPDIR": str(state_dir / "tmp"),
    }


@contextmanager
def run_service(spec: ServiceSpec, state_dir: Path, lock: int) -> Iterator[ServiceProcess]:
    """Run a service for the duration of a block. Signals interrupt neither its start nor its stop."""
    service = None
    try:
        with defer_interrupt_signals():
            service = ServiceProcess(spec, state_dir, lock)
        yield service
    finally:
        if service:
            with ignore_interrupt_signals():
                service.stop()


@contextmanager
def ignore_interrupt_signals() -> Iterator[None]:
    """Ignore interrupt signals, so that a clean-up runs to its end."""
    with replace_signal_handlers(dict.fromkeys(_INTERRUPT_SIGNALS, signal.SIG_IGN)):
        yield


@contextmanager
def defer_interrupt_signals() -> Iterator[None]:
    """Defer signals that arrive during the block, and raise KeyboardInterrupt after it."""
    received: list[int] = []
    signals = [number for number in _INTERRUPT_SIGNALS if callable(signal.getsignal(number))]
    with replace_signal_handlers(dict.fromkeys(signals, lambda number, _: received.append(number))):
        yield
    if received:
        raise KeyboardInterrupt


@contextmanager
def interrupt_on_termination() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (a closed terminal) raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signals = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN
    ]
    with replace_signal_handlers(dict.fromkeys(signals, interrupt)):
        yield


@contextmanager
def replace_signal_handlers(
    handlers: Mapping[signal.Signals, "Callable[..., None] | signal.Handlers"],
) -> Iterator[None]:
    """Replace signal handlers for the duration of a block."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
