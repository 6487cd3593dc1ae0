"""Change topics: one poll for all listeners, and no poll without listeners."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import ANY

import pytest

from review_app.live import StatePoller, event_stream


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run in another thread: this one may have the event loop of a browser that other tests use."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(scenario, 30)).result()


async def first(changes: AsyncIterator[bool], count: int) -> list[bool]:
    received = []
    async for change in changes:
        received.append(change)
        if len(received) == count:
            break
    return received


def test_all_listeners_share_one_look_and_hear_of_a_change() -> None:
    polls = [0]

    def read_state() -> int:
        polls[0] += 1
        return polls[0] // 5

    async def scenario() -> None:
        topic = StatePoller(read_state, seconds=0.01)
        received = await asyncio.gather(*(first(topic.changes(), 3) for _ in range(20)))
        assert received == [[True] * 3] * 20
        assert polls[0] < 40

    run(scenario())


def test_nobody_looks_when_nobody_listens() -> None:
    polls = [0]

    def read_state() -> int:
        polls[0] += 1
        return polls[0]

    async def scenario() -> None:
        others = asyncio.all_tasks()
        changes = StatePoller(read_state, seconds=0.01).changes()
        await anext(changes)
        await anext(changes)
        pollers = asyncio.all_tasks() - others
        assert len(pollers) == 1
        await changes.aclose()  # type: ignore[attr-defined]
        await asyncio.wait(pollers)

    run(scenario())


def test_a_look_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    polls = [0]

    def read_state() -> int:
        polls[0] += 1
        if polls[0] < 3:
            raise OSError("the table is unavailable")
        return polls[0]

    async def scenario() -> None:
        assert await first(StatePoller(read_state, seconds=0.01).changes(), 2) == [True, True]

    run(scenario())
    assert [record.exc_text for record in caplog.records if record.name == "review_app"] == [ANY, ANY]
    assert "the table is unavailable" in caplog.text


def test_a_stream_ends_with_the_session() -> None:
    allowed = [True]
    polls = [0]

    def read_state() -> int:
        polls[0] += 1
        return polls[0]

    async def scenario() -> None:
        texts = []
        async for text in event_stream(
            StatePoller(read_state, seconds=0.01), lambda: polls[0], lambda: allowed[0]
        ).body_iterator:
            texts.append(text)
            allowed[0] = len(texts) < 3
        assert len(texts) == 3

    run(scenario())
