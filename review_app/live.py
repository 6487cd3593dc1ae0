"""Server-sent events: one poll of the tables for all listeners of a process."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15
RETRY_MS = 1000
_log = logging.getLogger("review_app")


class StatePoller:
    """A state that listeners follow.

    `read_state` runs in a thread while there are listeners; they wake up when its result changes.
    """

    def __init__(self, read_state: Callable[[], Any], seconds: float = POLL_SECONDS) -> None:
        self._read_state, self._seconds = read_state, seconds
        self._listeners: set[asyncio.Event] = set()
        self._poller: asyncio.Task[None] | None = None
        self._last_state: Any = None

    async def changes(self) -> AsyncGenerator[bool, None]:
        """Yield True at once and after each change, and False every HEARTBEAT_SECONDS without a change."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield True
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield False
                    continue
                changed.clear()
                yield True
        finally:
            self._listeners.discard(changed)
            if not self._listeners and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def _poll(self) -> None:
        while True:
            try:
                state = await asyncio.to_thread(self._read_state)
            except Exception:
                _log.exception("the changes of the tables were not read; the next poll reads them")
                await asyncio.sleep(self._seconds)
                continue
            if state != self._last_state:
                self._last_state = state
                for listener in self._listeners:
                    listener.set()
            await asyncio.sleep(self._seconds)


def event_stream(
    topic: StatePoller, build_message: Callable[[], Any], is_allowed: Callable[[], bool]
) -> StreamingResponse:
    """Return the topic as an event stream. `build_message` runs in a thread and builds each event's data.

    Each event and each heartbeat is preceded by `is_allowed`; the stream ends when it returns False.
    """

    async def events() -> AsyncIterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        last_sent = None
        async with aclosing(topic.changes()) as changes:
            async for changed in changes:
                if not await asyncio.to_thread(is_allowed):
                    return
                text = json.dumps(await asyncio.to_thread(build_message)) if changed else last_sent
                if text == last_sent:
                    yield ": heartbeat\n\n"
                    continue
                last_sent = text
                yield f"data: {text}\n\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)
