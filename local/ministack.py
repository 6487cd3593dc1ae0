"""Runs MiniStack's application with uvicorn, and answers a call only after its changes are on the disk.

MiniStack's own server, written in Python, spends a third of each call on reading and writing HTTP. uvicorn's
event loop and HTTP parser are written in C.

MiniStack saves its tables at a clean stop only. Here every acknowledged change survives SIGKILL and a power
cut (docs/adr/0003-local-aws.md). If a change cannot be written, the call is refused and the process ends: the
next one continues with what was acknowledged.
"""

import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import uvicorn
from ministack.app import app as ministack

from local import fork_server, object_file_sync
from local.durable_store import DurableStore
from local.ministack_state import S3, StateRecorder
from local.object_file_sync import FileChanges, StorageFailedError

GRACEFUL_SHUTDOWN_SECONDS = 1
KEEP_ALIVE_SECONDS = 75
INSUFFICIENT_STORAGE, ERROR_CODE = 507, "InsufficientStorage"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class DurableApplication:
    """MiniStack's ASGI application whose answers wait for the disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._recorder = StateRecorder()
        self._syncs: set[asyncio.Task[None]] = set()
        self._store: DurableStore

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await ministack(scope, receive, self._restore_at_start(send))
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    def _restore_at_start(self, send: Send) -> Send:
        async def restore_then_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._store = DurableStore(self._directory / "durable.sqlite")
                await self._recorder.restore(self._store.load())
            await send(message)

        return restore_then_send

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        if b"/s3/aws4_request" in headers.get(b"authorization", b""):
            target = S3
        refused = False

        async def send_when_durable(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                try:
                    await self._make_durable(scope, target, changes)
                except (OSError, sqlite3.Error, StorageFailedError) as error:
                    refused = True
                    await _end(send, target, error)
            if not refused:
                await send(message)

        try:
            if target == S3 and scope["method"] in ("PUT", "POST"):
                object_file_sync.check_free_space(self._directory.parent)
        except StorageFailedError as error:
            await _refuse(send, target, error)
            return
        with object_file_sync.recorded_changes() as changes:
            await ministack(scope, receive, send_when_durable)

    async def _make_durable(self, scope: Message, target: str, changes: FileChanges) -> None:
        """Return when the call's changes are on the disk, and all that it may have read."""
        if changes.failure:
            raise StorageFailedError(changes.failure)
        if changes.paths:
            task = asyncio.create_task(asyncio.to_thread(changes.sync))
            self._syncs.add(task)
            task.add_done_callback(self._syncs.discard)
            await task
        images = self._recorder.changes(scope["method"], scope["path"], target)
        if images is not None:
            if self._syncs:  # No row is on the disk before the photo that it names.
                await asyncio.wait(self._syncs)
            await self._store.flush(images)


async def _refuse(send: Send, target: str, error: Exception) -> None:
    text = f"<Error><Code>{ERROR_CODE}</Code><Message>{escape(str(error))}</Message></Error>"
    if target != S3:
        text = json.dumps({"__type": ERROR_CODE, "message": str(error)})
    body = text.encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": INSUFFICIENT_STORAGE, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _end(send: Send, target: str, error: Exception) -> None:
    """Refuse a call whose change is in memory but not on the disk, and end the process."""
    logging.getLogger("partcheck").error("The disk did not take a change, so the process ends: %s", error)
    await _refuse(send, target, error)
    asyncio.get_running_loop().call_later(0.1, os._exit, 1)


def main(host: str, port: int) -> None:
    """Serve until a signal ends the process."""
    # uvicorn shuts down cleanly, then raises the signal again. Exit with status 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    fork_server.install(Path(os.environ["TMPDIR"]))
    photos = Path(os.environ["S3_DATA_DIR"])
    object_file_sync.repair_cut_writes(photos)  # Before MiniStack reads them.
    object_file_sync.watch(photos)
    uvicorn.run(
        DurableApplication(Path(os.environ["STATE_DIR"])),
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
