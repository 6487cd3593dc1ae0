"""Child processes that start together, say when they are ready, and never outlive the line."""

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

from local import tether
from local.ports import HOST
from workflow.errors import PartcheckError

READY_SECONDS = 120
SHORT_LIFE_SECONDS, MAX_SHORT_LIVES = 5, 3
_ROOT = Path(__file__).resolve().parent.parent
_INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEPT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Program:
    """One service to run: what it is called, how it starts, how it answers, how long it may take to stop."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    health_path: str
    grace_seconds: float


class Child:
    """A running program in a process group of its own, with a log file of its own.

    Start it from the main thread: where Linux ends it with its parent, it means the thread that started it.
    It inherits the line's lock.
    """

    def __init__(self, program: Program, home: Path, lock: int) -> None:
        self.program = program
        self.log = home / "logs" / f"{program.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        self._home, self._lock = home, lock
        self._short_lives = 0
        self._start()

    def start_again(self) -> None:
        """Start the program after its end; PartcheckError when it ended soon after each recent start."""
        short = time.monotonic() - self._started_at < SHORT_LIFE_SECONDS
        self._short_lives = self._short_lives + 1 if short else 0
        if self._short_lives >= MAX_SHORT_LIVES:
            self.check()
        with postponed():
            self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        command = [sys.executable, "-P", "-m", self.program.module, *self.program.arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command],
                cwd=self._home,
                env=_environment(self._home) | dict(self.program.environment),
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
    def ended(self) -> bool:
        """Whether the program ended by itself."""
        return self._process.poll() is not None

    def check(self) -> None:
        """Raise PartcheckError, naming the log file, if the program ended by itself."""
        if self.ended:
            raise PartcheckError(
                f"The {self.program.name} process ended unexpectedly; {self.log} says why{self._last_words()}"
            )

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return when the program answers; PartcheckError when it ends or stays silent."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            self.check()
            if time.monotonic() > deadline:
                raise PartcheckError(
                    f"The {self.program.name} process kept silent for {seconds:g} s; {self.log} may say why"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the program in its own way, at once without what it runs: its end would wait for theirs."""
        self._process.terminate()
        for pid in _group(self._process.pid) - {self._process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.grace_seconds)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.program.port, timeout=5)
        try:
            connection.request("GET", self.program.health_path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        spoken = [line.strip() for line in lines if line.strip()]
        return f" (its last line: {spoken[-1]})" if spoken else ""


def _group(leader: int) -> set[int]:
    """The processes of a group, where Linux tells; elsewhere a stop takes longer."""
    members = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, facts = stat.read_text(encoding="utf-8").rpartition(")")
            if facts.split()[2] == str(leader):
                members.add(int(stat.parent.name))
    return members


def _environment(home: Path) -> dict[str, str]:
    """Little of ours: a setting meant for other AWS tools, or for a proxy, must not reach the services."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", "TMPDIR": str(home / "tmp")}


@contextmanager
def started(program: Program, home: Path, lock: int) -> Iterator[Child]:
    """A child for the length of a block; nothing interrupts its beginning or its end."""
    child = None
    try:
        with postponed():
            child = Child(program, home, lock)
        yield child
    finally:
        if child:
            with undisturbed():
                child.stop()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep impatient signals from tearing a clean-up apart."""
    with handled(dict.fromkeys(_INTERRUPTIONS, signal.SIG_IGN)):
        yield


@contextmanager
def postponed() -> Iterator[None]:
    """Let signals that would interrupt a block interrupt what follows it."""
    came: list[int] = []
    wanted = [number for number in _INTERRUPTIONS if callable(signal.getsignal(number))]
    with handled(dict.fromkeys(wanted, lambda number, _: came.append(number))):
        yield
    if came:
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM, and a terminal that goes away, end the block just as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    wanted = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN
    ]
    with handled(dict.fromkeys(wanted, interrupt)):
        yield


@contextmanager
def handled(handlers: Mapping[signal.Signals, "Callable[..., None] | signal.Handlers"]) -> Iterator[None]:
    """Handle signals in a way of our own for the length of a block."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
