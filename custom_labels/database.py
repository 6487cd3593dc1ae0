"""The service's database: one SQLite file with a write-ahead log, consistent after a kill at any moment."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS project (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created REAL NOT NULL,
    status TEXT NOT NULL, feature TEXT NOT NULL, auto_update TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dataset (
    arn TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, kind TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL,
    code TEXT NOT NULL, UNIQUE (project, kind));
CREATE TABLE IF NOT EXISTS entry (
    dataset TEXT NOT NULL REFERENCES dataset ON DELETE CASCADE, position INTEGER NOT NULL,
    source_ref TEXT NOT NULL, line TEXT NOT NULL, labels TEXT NOT NULL, errors TEXT NOT NULL,
    PRIMARY KEY (dataset, position));
CREATE INDEX IF NOT EXISTS entry_by_image ON entry (dataset, source_ref);
CREATE TABLE IF NOT EXISTS version (
    arn TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project, name TEXT NOT NULL,
    created REAL NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL, details TEXT NOT NULL,
    UNIQUE (project, name));
CREATE TABLE IF NOT EXISTS policy (
    project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, name TEXT NOT NULL, revision TEXT NOT NULL,
    document TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, PRIMARY KEY (project, name));
CREATE TABLE IF NOT EXISTS tag (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key));
"""

Row = sqlite3.Row


class Database:
    """One connection behind one lock.

    Control-plane calls are rare, and serial calls are simple to reason about.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(SCHEMA)
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in an exclusive transaction; an inner transaction is part of the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def execute(self, sql: str, *values: Any) -> int:
        """Execute a statement and return the number of changed rows."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def execute_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            self._connection.executemany(sql, rows)

    def fetch_all(self, sql: str, *values: Any) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def fetch_one(self, sql: str, *values: Any) -> Row | None:
        rows = self.fetch_all(sql, *values)
        return rows[0] if rows else None

    def fetch_count(self, sql: str, *values: Any) -> int:
        """Return the first column of the first row as a number."""
        return int(self.fetch_all(sql, *values)[0][0])

    def close(self) -> None:
        with self._lock:
            self._connection.close()
