"""A port and a state folder for this process alone, or one sentence about who has them."""

import fcntl
import os
import socket
from pathlib import Path


class Taken(Exception):
    """Somebody else has it; the message is fit for a person."""


def claim_port(host: str, port: int) -> socket.socket:
    """Bound before anything else happens: a service that cannot be reached must not touch the state."""
    # asyncio switches Nagle's delay of 40 ms an answer off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Taken(f"Port {port} is taken: choose another with --port") from error
    return listener


def claim_state(folder: Path) -> int:
    """Two services on one folder would each mend what the other is doing; a killed one holds nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise Taken(f"Another service uses {folder}: choose another folder with --state") from error
    return lock
