"""Runs a Python script in a fork of the fork server: `fork_client.py NAME PYTHON SCRIPT ARGUMENT…`.

The fork gets this program's environment, directory, input and outputs. The two end together: this program
ends when the fork does, and Linux ends the fork when this program's end of their connection closes.

It runs without site packages. In the end it is a shell that waits, a twentieth of the size of Python.
"""

import fcntl
import os
import socket
import sys

_LENGTH_BYTES, _STANDARD_STREAMS = 4, 3
_WAIT = ("/bin/sh", "-c", "read -r _ <&3")


def main() -> None:
    """Pass everything to the server, and wait. Without a server become the interpreter itself."""
    name, *command = sys.argv[1:]
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"\0{name}")
        send(connection, command[1:])
    except OSError:
        os.execv(command[0], command)  # noqa: S606
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, descriptor in enumerate((nothing, nothing, nothing, connection.fileno())):
        os.dup2(descriptor, number)
    os.set_inheritable(_STANDARD_STREAMS, True)
    os.execv(_WAIT[0], _WAIT)  # noqa: S606


def send(connection: socket.socket, arguments: list[str]) -> None:
    """Send the arguments, and this process's directory, environment and standard streams."""
    variables = [f"{name}={value}" for name, value in os.environ.items()]
    request = os.fsencode("\0".join([os.getcwd(), str(len(arguments)), *arguments, *variables]))  # noqa: PTH109
    socket.send_fds(connection, [len(request).to_bytes(_LENGTH_BYTES, "big")], range(_STANDARD_STREAMS))
    connection.sendall(request)


def receive(connection: socket.socket) -> tuple[list[str], dict[str, str], str, list[int]]:
    """Receive arguments, environment, directory and streams. Raise OSError if the client is gone."""
    length, descriptors, *_ = socket.recv_fds(connection, _LENGTH_BYTES, _STANDARD_STREAMS)
    with connection.makefile("rb") as stream:
        request = stream.read(int.from_bytes(length, "big"))
    if len(descriptors) < _STANDARD_STREAMS or not request:
        raise ConnectionError("the client is gone")
    folder, count, *texts = os.fsdecode(request).split("\0")
    arguments, variables = texts[: int(count)], texts[int(count) :]
    environment = dict(variable.split("=", 1) for variable in variables)
    return arguments, environment, folder, descriptors


def end_with_peer(connection: socket.socket) -> None:
    """Let Linux end this process when the peer's end closes: the default action of SIGIO is to end it."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(
        connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK
    )
    try:
        if not connection.recv(1):
            os._exit(1)
    except BlockingIOError:
        return


if __name__ == "__main__":
    main()
