"""The newest image of each thing that the local AWS acknowledged, in SQLite.

An image is the whole value of one thing (an item, a table's definition, a message), not the call that changed
it. Loading the images restores the state without running any call again.
"""

import asyncio
import os
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS image "
    "(kind TEXT, owner TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, owner, key)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """The value of one thing, such as an item of the table `owner`; None if it was deleted."""

    kind: str
    owner: str
    key: str = ""
    value: str | None


class DurableStore:
    """The images of one local AWS. `flush` returns when they survive SIGKILL and a power cut."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute(_SCHEMA)
        sync(file.parent)
        sync(file.parent.parent)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="durable-store")
        self._commit_lock = asyncio.Lock()
        self._pending: list[StoredImage] = []
        self._accepted = self._durable = 0

    def load(self) -> list[StoredImage]:
        """Return all images, ordered by kind, owner and key."""
        rows = self._database.execute("SELECT kind, owner, key, value FROM image ORDER BY kind, owner, key")
        return [StoredImage(kind=kind, owner=owner, key=key, value=value) for kind, owner, key, value in rows]

    async def flush(self, images: Iterable[StoredImage] = ()) -> None:
        """Return when these images, and all that were accepted before, are on the disk.

        Concurrent calls share a commit. Raise sqlite3.Error if the images cannot be written.
        """
        accepted = list(images)
        self._pending += accepted
        self._accepted += len(accepted)
        wanted = self._accepted
        if self._durable >= wanted:
            return
        async with self._commit_lock:
            if self._durable >= wanted:
                return
            batch, self._pending = self._pending, []
            await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, batch)
            self._durable += len(batch)

    def _commit(self, images: list[StoredImage]) -> None:
        newest = {(image.kind, image.owner, image.key): image.value for image in images}
        self._database.execute("BEGIN")
        try:
            for (kind, owner, key), value in newest.items():
                if value is None:
                    self._database.execute(
                        "DELETE FROM image WHERE kind = ? AND owner = ? AND key = ?", (kind, owner, key)
                    )
                else:
                    self._database.execute(
                        "INSERT OR REPLACE INTO image VALUES (?, ?, ?, ?)", (kind, owner, key, value)
                    )
            self._database.execute("COMMIT")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


def sync(path: Path | str) -> None:
    """Write a file, or the entries of a directory, to the disk. A path that is gone needs no sync."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
