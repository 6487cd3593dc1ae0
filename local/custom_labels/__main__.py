"""Runs the service alone: python -m local.custom_labels --port 4568 --state DIR."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

HOST = "127.0.0.1"
SECONDS_TO_FINISH_ANSWERS = 3


def main() -> None:
    options = _options()
    # NumPy reads them when it is first imported: one photo is too small to be shared between threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    serve(options)


def serve(options: argparse.Namespace) -> None:
    from local.custom_labels.claims import Taken, claim_port, claim_state

    try:
        listener = claim_port(HOST, options.port)
        claim_state(options.state)
    except Taken as taken:
        sys.exit(str(taken))
    _run(options, listener)


def _run(options: argparse.Namespace, listener: socket.socket) -> None:
    import uvicorn

    from local.custom_labels.account import Account
    from local.custom_labels.allocator import keep_freed_buffers
    from local.custom_labels.app import create_app

    keep_freed_buffers()
    # uvicorn finishes what is being answered and then raises the signal again: that is a clean end.
    signal.signal(signal.SIGTERM, _leave)
    account = Account(options.state, options.region, options.aws_endpoint, options.throttle)
    account.recover()
    threading.Thread(target=_warm, args=(account,), name="warm-up", daemon=True).start()
    config = uvicorn.Config(
        create_app(account),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH_ANSWERS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _leave(_number: int, _frame: object) -> None:
    sys.exit(0)


def _warm(account: object) -> None:
    """Import what the first photo needs, and build the S3 client, while nobody is waiting."""
    from local.custom_labels import classifier  # noqa: F401
    from local.custom_labels.account import Account

    if isinstance(account, Account):
        account.objects.warm()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.custom_labels",
        description="A local Amazon Rekognition Custom Labels that really learns; on this machine only.",
    )
    parser.add_argument("--port", type=int, default=4568)
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for records and models; kept between runs"
    )
    parser.add_argument("--aws-endpoint", help="where S3 is, when it is not AWS (default: AWS_ENDPOINT_URL)")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"))
    parser.add_argument(
        "--throttle", action="store_true", help="answer no faster than the inference units allow"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
