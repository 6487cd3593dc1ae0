"""Run the local AWS and record which bytes a power cut would leave, optionally with a planted mistake.

A file keeps the bytes of its last fsync, a directory the entries of its last fsync. SQLite syncs in C: with
`synchronous = FULL` it does so within each COMMIT, so the database files are recorded there.
"""

# mypy: disable-error-code="assignment, method-assign, misc"

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from local import durable_store, ministack, ministack_state, object_file_sync

RECORD = Path(os.environ.get("POWER_CUT_RECORD", os.devnull))
FULL = 2
_one_at_a_time = threading.Lock()


def record(path: Path, record_directory: Path | None = None) -> None:
    """Record what is now safe at a path."""
    with _one_at_a_time, suppress(FileNotFoundError):  # A path that is gone meanwhile needs no record.
        kept = (record_directory or RECORD) / str(path.stat().st_ino)
        if path.is_dir():
            kept.write_text(json.dumps(dict(_entries(path))))
        else:
            shutil.copyfile(path, kept)


def _entries(directory: Path) -> Iterator[tuple[str, int]]:
    for entry in directory.iterdir():
        with suppress(FileNotFoundError):
            yield entry.name, entry.stat().st_ino


def fsync(descriptor: int) -> None:
    record(Path(f"/proc/self/fd/{descriptor}").readlink())


class RecordingConnection(sqlite3.Connection):
    """A connection that records the database after each commit."""

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        cursor = super().execute(statement, *parameters)
        if statement == "COMMIT" and super().execute("PRAGMA synchronous").fetchone() == (FULL,):
            file = Path(super().execute("PRAGMA database_list").fetchone()[2])
            for part in file.parent.glob(f"{file.name}*"):
                record(part)
            record(file.parent)
        return cursor


def restore_after_power_cut(directory: Path, inode: int, kept: Path) -> None:
    """Write the directory that a power cut would leave."""
    directory.mkdir(parents=True)
    entries = kept / str(inode)
    for name, entry in json.loads(entries.read_text()).items() if entries.exists() else ():
        content = kept / str(entry)
        if content.exists() and content.read_bytes()[:1] == b"{" and _is_directory(content):
            restore_after_power_cut(directory / name, entry, kept)
        else:
            (directory / name).write_bytes(content.read_bytes() if content.exists() else b"")


def _is_directory(content: Path) -> bool:
    try:
        return all(isinstance(inode, int) for inode in json.loads(content.read_bytes()).values())
    except ValueError:
        return False


def answer_before_the_commit() -> None:
    flush, tasks = durable_store.DurableStore.flush, set()

    async def later(store: Any, images: Any = ()) -> None:
        async def write() -> None:
            await asyncio.sleep(60)
            await flush(store, images)

        tasks.add(asyncio.create_task(write()))

    durable_store.DurableStore.flush = later


def leave_files_unsynced() -> None:
    object_file_sync.FileChanges.sync = lambda _: None


def forget_the_sort_key() -> None:
    ministack_state.item_key = lambda table, attributes: json.dumps(attributes[table["pk_name"]])


def let_the_stale_files_win() -> None:
    async def restore(*_: object) -> None:
        """Leave the state that MiniStack read from the files of the last clean stop."""

    ministack_state.StateRecorder.restore = restore


def weaken_the_commit() -> None:
    connect = durable_store.DurableStore.__init__

    def weak(store: Any, file: Path) -> None:
        connect(store, file)
        store._database.execute("PRAGMA synchronous = NORMAL")

    durable_store.DurableStore.__init__ = weak


MISTAKES = {
    mistake.__name__: mistake
    for mistake in (
        answer_before_the_commit,
        leave_files_unsynced,
        forget_the_sort_key,
        let_the_stale_files_win,
        weaken_the_commit,
    )
}

if __name__ == "__main__":
    if RECORD.is_dir():
        os.fsync = fsync
        sqlite3.connect = lambda file, **options: RecordingConnection(file, **options)
    if mistake := os.environ.get("MISTAKE"):
        MISTAKES[mistake]()
    ministack.main(sys.argv[1], int(sys.argv[2]))
