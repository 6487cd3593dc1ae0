"""The account's memory: one SQLite file with a write-ahead log, which a kill at any moment leaves whole."""

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
    created REAL NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL, about TEXT NOT NULL,
    UNIQUE (project, name));
CREATE TABLE IF NOT EXISTS policy (
    project TEXT NOT NULL REFERENCES project ON DELETE CASCADE, name TEXT NOT NULL, revision TEXT NOT NULL,
    document TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, PRIMARY KEY (project, name));
CREATE TABLE IF NOT EXISTS tag (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key));
"""

Row = sqlite3.Row


class Store:
    """One connection behind one lock: control-plane calls are few, and serial ones are easy to be sure of."""

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
        """All or nothing, and nobody else meanwhile; an inner transaction is part of the outer one."""
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

    def run(self, sql: str, *values: Any) -> int:
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        found = self.rows(sql, *values)
        return found[0] if found else None

    def count(self, sql: str, *values: Any) -> int:
        return int(self.rows(sql, *values)[0][0])

    def close(self) -> None:
        with self._lock:
            self._connection.close()
