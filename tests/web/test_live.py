"""Live counts: one look for all who listen, none when nobody does."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from review_app.live import Topic, stream


def run(scene: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser that other tests hold open has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(scene, 30)).result()


async def first(changes: AsyncIterator[bool], count: int) -> list[bool]:
    found = []
    async for one in changes:
        found.append(one)
        if len(found) == count:
            break
    return found


def test_all_listeners_share_one_look_and_hear_of_a_change() -> None:
    looks = [0]

    def look() -> int:
        looks[0] += 1
        return looks[0] // 5

    async def scene() -> None:
        topic = Topic(look, seconds=0.01)
        heard = await asyncio.gather(*(first(topic.changes(), 3) for _ in range(20)))
        assert heard == [[True] * 3] * 20
        assert looks[0] < 40

    run(scene())


def test_nobody_looks_when_nobody_listens() -> None:
    looks = [0]

    def look() -> int:
        looks[0] += 1
        return looks[0]

    async def scene() -> None:
        topic = Topic(look, seconds=0.01)
        changes = topic.changes()
        await anext(changes)
        await anext(changes)
        await changes.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.03)
        before = looks[0]
        await asyncio.sleep(0.1)
        assert looks[0] == before

    run(scene())


def test_a_look_that_fails_is_tried_again() -> None:
    looks = [0]

    def look() -> int:
        looks[0] += 1
        if looks[0] < 3:
            raise OSError("the ledger is away")
        return looks[0]

    async def scene() -> None:
        assert await first(Topic(look, seconds=0.01).changes(), 2) == [True, True]

    run(scene())


def test_a_stream_ends_with_the_session() -> None:
    allowed = [True]
    looks = [0]

    def look() -> int:
        looks[0] += 1
        return looks[0]

    async def scene() -> None:
        told = []
        async for text in stream(
            Topic(look, seconds=0.01), lambda: looks[0], lambda: allowed[0]
        ).body_iterator:
            told.append(text)
            allowed[0] = len(told) < 3
        assert len(told) == 3

    run(scene())
