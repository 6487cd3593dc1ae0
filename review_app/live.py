"""Server-sent events: one look at the ledger for all who listen in this process, only while somebody does."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse

LOOK_SECONDS = 0.5
BEAT_SECONDS = 15
RETRY_MS = 1000


class Topic:
    """Something that changes. `look` is called in a thread; what it returns is compared, then handed on."""

    def __init__(self, look: Callable[[], Any], seconds: float = LOOK_SECONDS) -> None:
        self._look, self._seconds = look, seconds
        self._listeners: set[asyncio.Event] = set()
        self._watch: asyncio.Task[None] | None = None
        self._seen: Any = None

    async def changes(self) -> AsyncGenerator[bool, None]:
        """At once, and then after every change; False now and then while nothing happens."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching())
        try:
            yield True
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), BEAT_SECONDS)
                except TimeoutError:
                    yield False
                    continue
                changed.clear()
                yield True
        finally:
            self._listeners.discard(changed)
            if not self._listeners and self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def _watching(self) -> None:
        while True:
            try:
                found = await asyncio.to_thread(self._look)
            except Exception:
                await asyncio.sleep(self._seconds)
                continue
            if found != self._seen:
                self._seen = found
                for listener in self._listeners:
                    listener.set()
            await asyncio.sleep(self._seconds)


def stream(topic: Topic, message: Callable[[], Any], may_listen: Callable[[], bool]) -> StreamingResponse:
    """The topic as an event stream: `message` makes, in a thread, what this listener is told.

    Before each word, and at each beat, it is asked whether the listener still may.
    """

    async def events() -> AsyncIterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        told = None
        async with aclosing(topic.changes()) as changes:
            async for changed in changes:
                if not await asyncio.to_thread(may_listen):
                    return
                text = json.dumps(await asyncio.to_thread(message)) if changed else told
                if text == told:
                    yield ": still here\n\n"
                    continue
                told = text
                yield f"data: {text}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
