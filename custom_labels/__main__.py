"""Command line of the service: python -m custom_labels --port 4568 --state DIR."""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path

HOST = "127.0.0.1"
GRACEFUL_SHUTDOWN_SECONDS = 3


def main() -> None:
    options = _parse_options()
    # NumPy reads these variables at its first import: one photo is too small to be shared between threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    serve(options)


def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM; exits with a message if the port or the state folder is in use."""
    from custom_labels.exclusive_lock import AlreadyInUse, bind_port, lock_state_dir

    try:
        listener = bind_port(HOST, options.port)
        lock_state_dir(options.state)
    except AlreadyInUse as error:
        sys.exit(str(error))
    _run(options, listener)


def _run(options: argparse.Namespace, listener: socket.socket) -> None:
    import uvicorn

    from custom_labels.account import CustomLabelsAccount
    from custom_labels.app import create_app
    from custom_labels.malloc_settings import configure_malloc

    configure_malloc()
    # uvicorn finishes open requests and then raises the signal again: that is a clean end.
    signal.signal(signal.SIGTERM, _exit_cleanly)
    account = CustomLabelsAccount(
        state_dir=options.state,
        region=options.region,
        endpoint=options.aws_endpoint,
        throttle=options.throttle,
    )
    account.recover()
    threading.Thread(target=_warm_up, args=(account,), name="warm-up", daemon=True).start()
    config = uvicorn.Config(
        create_app(account),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _exit_cleanly(_number: int, _frame: object) -> None:
    sys.exit(0)


def _warm_up(account: object) -> None:
    """Import the modules that the first photo needs, and build the S3 client, before the first request."""
    from custom_labels.account import CustomLabelsAccount
    from vision import classifier  # noqa: F401

    if isinstance(account, CustomLabelsAccount):
        account.storage.connect()


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m custom_labels",
        description="A local Amazon Rekognition Custom Labels service that trains models. Local access only.",
    )
    parser.add_argument("--port", type=int, default=4568)
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for records and models; kept between runs"
    )
    parser.add_argument("--aws-endpoint", help="endpoint of S3 if it is not AWS (default: AWS_ENDPOINT_URL)")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "eu-central-1"))
    parser.add_argument(
        "--throttle", action="store_true", help="answer no faster than the inference units allow"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
