"""The exclusive lock of a state directory: one local environment uses it at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local.ports import Ports, already_running_error
from workflow.errors import ConfigurationError

SHUTDOWN_SECONDS = 30
_LOCK = "lock"
FORMAT, _FORMAT_FILE = "3", "format"
_CREATED_BEFORE_LOCK = {"demo", "custom-labels", ".gitignore"}  # May exist before the first `partcheck up`.


@contextmanager
def lock_state_dir(state_dir: Path, ports: Ports) -> Iterator[int]:
    """Lock a state directory for the duration of a block, and yield the lock's file descriptor.

    Raise ConfigurationError with the holder's process id if the directory is locked, or if it holds other
    files and was never a state directory: the environment deletes and overwrites its own files there.
    Services inherit the descriptor. After a kill, the directory stays locked until the last service has
    saved its state.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    entries = {entry.name for entry in state_dir.iterdir()}
    if _LOCK not in entries and (others := entries - _CREATED_BEFORE_LOCK):
        raise ConfigurationError(
            f"{state_dir} is not a state directory: it contains {min(others)!r}; "
            "choose an empty directory with --state-dir"
        )
    (state_dir / ".gitignore").write_text("*\n", encoding="utf-8")
    with (state_dir / _LOCK).open("a+", encoding="utf-8") as lock:
        _wait_for_lock(lock, state_dir)
        lock.truncate(0)
        lock.write(f"{os.getpid()} {ports.aws}\n")
        lock.flush()
        try:
            yield lock.fileno()
        finally:
            lock.truncate(0)


def check_format(state_dir: Path) -> None:
    """Mark a new state directory with this version's format.

    Raise ConfigurationError if another version of partcheck wrote it: its tables would be missing here.
    """
    file = state_dir / _FORMAT_FILE
    if not file.exists() and not (state_dir / "aws").exists():
        file.write_text(f"{FORMAT}\n", encoding="utf-8")
    found = file.read_text(encoding="utf-8").strip() if file.exists() else "1"
    if found != FORMAT:
        raise ConfigurationError(
            f"Another version of partcheck wrote {state_dir} (format {found}, this version reads "
            f"{FORMAT}); keep it for that version, and choose another directory with --state-dir"
        )


def _wait_for_lock(lock: TextIO, state_dir: Path) -> None:
    deadline = time.monotonic() + SHUTDOWN_SECONDS
    while not _try_lock(lock):
        lock.seek(0)
        process, _, base = lock.read().strip().partition(" ")
        if process and is_process_alive(int(process)):
            raise already_running_error(Ports.from_base(int(base)), int(process))
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"Services of a killed environment still use {state_dir}; try again in a few seconds"
            )
        time.sleep(0.2)


def _try_lock(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_process_alive(process: int) -> bool:
    """Return True if a process with this id exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_locked(state_dir: Path) -> bool:
    """Return True if an environment holds the lock of a state directory."""
    try:
        with (state_dir / _LOCK).open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
