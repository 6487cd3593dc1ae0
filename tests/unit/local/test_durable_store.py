"""The store of images: what is loaded again, and one commit for calls that wait together."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from local.durable_store import DurableStore, StoredImage


def image(key: str, value: str | None) -> StoredImage:
    return StoredImage(kind="item", owner="table", key=key, value=value)


def test_the_newest_image_of_each_thing_is_loaded(tmp_path: Path) -> None:
    async def write() -> None:
        store = DurableStore(tmp_path / "aws" / "durable.sqlite")
        await store.flush([image("1", "old"), image("1", "new"), image("2", "deleted")])
        await store.flush([image("2", None)])

    asyncio.run(write())

    assert DurableStore(tmp_path / "aws" / "durable.sqlite").load() == [image("1", "new")]


def test_calls_that_wait_together_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []
    commit = DurableStore._commit
    monkeypatch.setattr(
        DurableStore, "_commit", lambda store, images: (commits.append(len(images)), commit(store, images))
    )

    async def write() -> None:
        store = DurableStore(tmp_path / "aws" / "durable.sqlite")
        await asyncio.gather(*(store.flush([image(str(number), "value")]) for number in range(50)))

    asyncio.run(write())

    assert sum(commits) == 50
    assert len(commits) <= 2


def test_a_call_without_changes_waits_for_the_changes_that_it_may_have_read(tmp_path: Path) -> None:
    async def read_meanwhile() -> list[StoredImage]:
        store = DurableStore(tmp_path / "aws" / "durable.sqlite")
        writing = asyncio.create_task(store.flush([image("1", "value")]))
        await asyncio.sleep(0)
        await store.flush()
        found = store.load()
        await writing
        return found

    assert asyncio.run(read_meanwhile()) == [image("1", "value")]


def test_a_failed_write_is_raised(tmp_path: Path) -> None:
    async def write() -> None:
        store = DurableStore(tmp_path / "aws" / "durable.sqlite")
        store._database.execute("PRAGMA max_page_count = 3")
        await store.flush([image(str(number), "x" * 10_000) for number in range(10)])

    with pytest.raises(sqlite3.OperationalError, match="full"):
        asyncio.run(write())
