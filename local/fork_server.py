"""Forks the functions' workers from one process that has loaded their packages, which they then share.

MiniStack starts each worker as `sys.executable SCRIPT`: half a second of imports, and 47 MB. `install`
replaces that program by `local/fork_client.py`, which has the script run in a fork of this server. Without a
running server the client runs the script itself.

The server loads packages only. A worker loads the functions' own code from its bundle, as ever.
"""

import gc
import importlib
import os
import runpy
import secrets
import shlex
import signal
import socket
import struct
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

from local import fork_client, parent_death_signal

PACKAGES = (
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes.sqs_event",
    "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.utilities.typing",
    "boto3",
    "numpy.fft",
    "numpy.typing",
)
SERVICES = ("dynamodb", "rekognition", "s3", "sqs", "ssm", "stepfunctions")
MAX_WAITING = 128


def install(directory: Path) -> None:
    """Start a server, and let this process start Python programs by it. Only Linux can end the forks."""
    if sys.platform != "linux":
        return
    name = f"partcheck-{secrets.token_hex(16)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")  # Without a file, so that the state directory can be copied.
        listener.listen(MAX_WAITING)
        server = [sys.executable, "-P", "-m", "local.fork_server", str(listener.fileno())]
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", parent_death_signal.__file__, str(os.getpid()), *server],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=(listener.fileno(),),
        )
    client = [sys.executable, "-I", "-S", fork_client.__file__, name, sys.executable]
    program = directory / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    sys.executable = str(program)


def load_packages() -> None:
    """Load the packages, and the descriptions of the services in the default session."""
    import boto3

    for package in PACKAGES:
        importlib.import_module(package)
    boto3.setup_default_session()
    for service in SERVICES:
        boto3.client(service, aws_access_key_id="none", aws_secret_access_key="none")  # type: ignore[call-overload]  # noqa: S106
    gc.collect()
    gc.freeze()


def serve(listener: socket.socket) -> None:
    """Fork a worker for each connection, for ever."""
    signal.signal(signal.SIGCHLD, _collect_workers)
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            _check_user(connection)
            arguments, environment, folder, descriptors = fork_client.receive(connection)
            if os.fork() == 0:
                listener.close()
                _run(connection, arguments, environment, folder, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _check_user(connection: socket.socket) -> None:
    """Raise PermissionError for a client of another user: every user of the machine sees the address."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", credentials)[1] != os.getuid():
        raise PermissionError("only the user of the server may run programs in it")


def _collect_workers(_signal: int, _frame: FrameType | None) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(
    connection: socket.socket,
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    descriptors: list[int],
) -> None:
    """Be the Python process that the client was started as, until the script ends."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        fork_client.end_with_peer(connection)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).parent))
        runpy.run_path(arguments[0], run_name="__main__")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    load_packages()
    serve(socket.socket(fileno=int(sys.argv[1])))
