"""Runs MiniStack's own application with uvicorn, whose event loop and parser of HTTP are written in C.

MiniStack brings a server in Python that spends a third of the time of every call on reading and writing HTTP.
"""

import signal
import sys

import uvicorn
from ministack.app import app

SECONDS_TO_FINISH_ANSWERS = 1
SECONDS_AN_IDLE_CONNECTION_IS_KEPT = 75


def main(host: str, port: int) -> None:
    # uvicorn ends in order and then raises the signal again: that is a clean end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        app,
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
        timeout_keep_alive=SECONDS_AN_IDLE_CONNECTION_IS_KEPT,
        timeout_graceful_shutdown=SECONDS_TO_FINISH_ANSWERS,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
