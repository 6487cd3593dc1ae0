"""The lock that keeps a state directory to one line at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local.ports import Ports, taken
from workflow.errors import ConfigurationError

LAST_WILL_SECONDS = 30
_LOCK = "lock"
_WITHOUT_A_LINE = {"demo", "custom-labels", ".gitignore"}  # Made in a state directory before its first line.


@contextmanager
def locked(home: Path, ports: Ports) -> Iterator[int]:
    """Hold a state directory for the life of one line; ConfigurationError says who holds it already.

    A directory that was never a line's must be empty, for a line empties and overwrites what is its own.
    Yields the lock's file descriptor. Services inherit it, so that a killed line keeps its directory until
    the last of them has saved its state.
    """
    home.mkdir(parents=True, exist_ok=True)
    entries = {entry.name for entry in home.iterdir()}
    if _LOCK not in entries and (foreign := entries - _WITHOUT_A_LINE):
        raise ConfigurationError(
            f"{home} is no line's state directory: it holds {min(foreign)!r}; choose an empty one with --home"
        )
    (home / ".gitignore").write_text("*\n", encoding="utf-8")
    with (home / _LOCK).open("a+", encoding="utf-8") as lock:
        _wait_for(lock, home)
        lock.truncate(0)
        lock.write(f"{os.getpid()} {ports.aws}\n")
        lock.flush()
        try:
            yield lock.fileno()
        finally:
            lock.truncate(0)


def _wait_for(lock: TextIO, home: Path) -> None:
    deadline = time.monotonic() + LAST_WILL_SECONDS
    while not _acquired(lock):
        lock.seek(0)
        process, _, base = lock.read().strip().partition(" ")
        if process and is_alive(int(process)):
            raise taken(Ports.at(int(base)), int(process))
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"The services of a line that was killed still hold {home}; try again soon"
            )
        time.sleep(0.2)


def _acquired(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_held(home: Path) -> bool:
    """Whether a line holds a state directory."""
    try:
        with (home / _LOCK).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
