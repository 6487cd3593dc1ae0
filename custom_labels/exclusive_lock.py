"""Exclusive use of a port and of a state folder."""

import fcntl
import os
import socket
from pathlib import Path


class AlreadyInUse(Exception):
    """Another process uses the port or the folder; the message is for users."""


def bind_port(host: str, port: int) -> socket.socket:
    """Bind the port before anything else: a service that cannot be reached must not touch the state.

    Raise AlreadyInUse.
    """
    # asyncio switches Nagle's delay of 40 ms a response off only if the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AlreadyInUse(f"Port {port} is taken: choose another with --port") from error
    return listener


def lock_state_dir(folder: Path) -> int:
    """Lock the state folder and return the lock's file descriptor. Raise AlreadyInUse.

    Two services on one folder would each recover the other's work. The lock ends with the process, however it
    ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise AlreadyInUse(f"Another service uses {folder}: choose another folder with --state") from error
    return lock
