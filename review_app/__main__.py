"""Runs the review app: `python -m review_app --port 8080`; its settings come from the environment."""

import argparse
import os
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from review_app import ports, settings
from review_app.app import create_app
from workflow.errors import PartcheckError


def app() -> FastAPI:
    """What every worker process builds for itself."""
    return create_app(settings.from_environment(os.environ), ports.on_aws(os.environ))


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m review_app", description=__doc__)
    options.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--workers", type=int, default=1, help="processes, each answering any request")
    chosen = options.parse_args()
    try:
        told = settings.from_environment(os.environ)
        if told.open_id is None and not settings.is_loopback(chosen.host):
            raise PartcheckError(
                "SIGN_IN=development listens on this machine only; --host names another address"
            )
    except PartcheckError as error:
        sys.exit(f"Error: {error}")
    config = uvicorn.Config(
        "review_app.__main__:app",
        factory=True,
        host=chosen.host,
        port=chosen.port,
        workers=chosen.workers,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    serve(config)


def serve(config: uvicorn.Config) -> None:
    """Answer until told to stop. No answer's body waits until its headers are acknowledged (40 ms)."""
    listener = config.bind_socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(KeyboardInterrupt):
        if config.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
