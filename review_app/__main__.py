"""Run the review app: `python -m review_app --port 8080`. Its settings come from environment variables."""

import argparse
import os
import socket
import sys
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from review_app import container, settings
from review_app.app import create_app
from workflow.errors import PartcheckError


def app() -> FastAPI:
    """Build the app of one worker process."""
    return create_app(settings.from_environment(os.environ), container.build_container(os.environ))


def main() -> None:
    """Parse the command line, check the settings and serve."""
    parser = argparse.ArgumentParser(prog="python -m review_app", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--workers", type=int, default=1, help="number of processes; each answers any request"
    )
    arguments = parser.parse_args()
    try:
        app_settings = settings.from_environment(os.environ)
        if app_settings.oidc is None and not settings.is_loopback(arguments.host):
            raise PartcheckError(
                "SIGN_IN=development listens on this machine only; --host names another address"
            )
    except PartcheckError as error:
        sys.exit(f"Error: {error}")
    config = uvicorn.Config(
        "review_app.__main__:app",
        factory=True,
        host=arguments.host,
        port=arguments.port,
        workers=arguments.workers,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    serve(config)


def serve(config: uvicorn.Config) -> None:
    """Serve until a stop signal arrives.

    TCP_NODELAY is set: otherwise a response's body waits 40 ms for the acknowledgement of its headers.
    """
    listener = config.bind_socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(KeyboardInterrupt):
        if config.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
