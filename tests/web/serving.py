"""The app on a real socket, in a thread, for the duration of a block."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from review_app.app import create_app
from review_app.settings import ReviewAppSettings
from tests.web.world import World
from workflow.inspections.undo_window import MAX_UNDO_SECONDS

SECRET = "k7Jq2vX9pLw4Rt8Zb3Nd6Hy1Gf5Sc0Ma"


@contextmanager
def served(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    """Serve an app on a listening socket."""
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    )

    async def serve() -> None:
        await server.serve(sockets=[listener])
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # type: ignore[union-attr]
        await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    """Open a listening socket on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        yield listener


@contextmanager
def running(world: World, port: int = 0, undo_seconds: int = MAX_UNDO_SECONDS, **how: Any) -> Iterator[str]:
    """Serve an app on in-memory services; yield its URL."""
    with listening(port) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = ReviewAppSettings(
            public_url=address, session_secret=SECRET, undo_seconds=undo_seconds, **how
        )
        app = create_app(settings, world.container)
        with served(app, listener):
            yield address


@contextmanager
def visitor(address: str, name: str = "", role: str = "reviewer") -> Iterator[httpx2.Client]:
    """Open an HTTP client; with a name it is signed in."""
    headers = {"Origin": address, "Accept": "text/html"}
    with httpx2.Client(base_url=address, headers=headers, timeout=120) as client:
        if name:
            answer = client.post("/sign-in", data={"name": name, "role": role})
            assert answer.status_code == 303, answer.text
        yield client


def fetch_photo(client: httpx2.Client, inspection: str) -> None:
    """Fetch a photo's display copy, without which its decision is refused."""
    assert client.get(f"/photos/{inspection}/review").status_code == 200
