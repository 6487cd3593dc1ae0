"""Sync the object files that a request wrote, and repair files whose request was cut short.

MiniStack writes each object version at its PUT, but never syncs, and only logs a failure. An audit hook of
the interpreter names every file that it renames, deletes or makes.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from local.durable_store import sync
from workflow.errors import PartcheckError

RESERVED_BYTES = 64 * 1024 * 1024
_SIDECAR, _DRAFT, _VERSIONS = ".meta.json", ".tmp", ".versions"
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


class StorageFailedError(PartcheckError):
    """The disk did not take a change."""


class FileChanges:
    """The files below one directory that a request changed."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.failure = ""

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Record a change that is about to happen. Before a rename replaces a file, all else is synced."""
        path = arguments[1] if event == "os.rename" else arguments[0]
        if event == "os.rename" and os.path.exists(path):  # noqa: PTH110
            sync(arguments[0])
            self.sync()
        self.paths.append(path)

    def sync(self) -> None:
        """Write the files, then the entries of their directories, to the disk."""
        paths = dict.fromkeys(self.paths)
        for path in paths:
            sync(path)
        for directory in dict.fromkeys(os.path.dirname(path) for path in paths):  # noqa: PTH120
            sync(directory)


_current: ContextVar[FileChanges | None] = ContextVar("file_changes", default=None)


def watch(directory: Path) -> None:
    """Record the changes below a directory from now on, and failures to write objects."""
    prefix = str(directory)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS or (changes := _current.get()) is None:
            return
        if str(arguments[1 if event == "os.rename" else 0]).startswith(prefix):
            changes.note(event, arguments)

    sys.addaudithook(hook)
    logging.getLogger("s3").addHandler(_FailureHandler(logging.WARNING))


class _FailureHandler(logging.Handler):
    """Note that MiniStack could not write an object. It logs that, and acknowledges the object."""

    def emit(self, record: logging.LogRecord) -> None:
        if (changes := _current.get()) is not None and record.msg.startswith("Failed to"):
            changes.failure = record.getMessage()


@contextmanager
def recorded_changes() -> Iterator[FileChanges]:
    """Record the file changes of the block."""
    changes = FileChanges()
    token = _current.set(changes)
    try:
        yield changes
    finally:
        _current.reset(token)


def check_free_space(directory: Path) -> None:
    """Raise StorageFailedError if the disk has no room for more objects. The reserve is for the tables."""
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < RESERVED_BYTES:
        raise StorageFailedError(
            f"The disk of {directory} is full ({free // 1024**2} MB are free): free some space; "
            "all that was acknowledged is kept"
        )


def repair_cut_writes(directory: Path) -> None:
    """Undo writes of objects that ended in the middle. None of them was acknowledged.

    A new object without its description is deleted. An overwritten one gets its bytes back from the copy that
    MiniStack made before.
    """
    for folder, _, names in os.walk(directory):
        if _VERSIONS in Path(folder).parts:
            continue
        for name in names:
            path = Path(folder, name)
            if name.endswith(_DRAFT) or (
                not name.endswith(_SIDECAR) and not path.with_name(name + _SIDECAR).exists()
            ):
                path.unlink()
    versions = directory / _VERSIONS
    for saved in versions.glob("*/*/*/**/*"):
        account, bucket, version, *key = saved.relative_to(versions).parts
        current = directory.joinpath(account, bucket, *key)
        sidecar = current.with_name(current.name + _SIDECAR)
        if saved.is_file() and sidecar.is_file():
            description = json.loads(sidecar.read_text(encoding="utf-8"))
            if description.get("version_id") == version and not description.get("is_delete_marker"):
                draft = current.with_name(current.name + _DRAFT)
                draft.write_bytes(saved.read_bytes())
                sync(draft)
                draft.replace(current)
