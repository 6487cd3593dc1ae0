"""The ports of a local environment, and their reservation against a second environment."""

import random
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass

from workflow.errors import ConfigurationError

HOST = "127.0.0.1"
DEFAULT_BASE = 4566


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One port each for the local AWS, Step Functions, Custom Labels and the review app."""

    aws: int
    step_functions: int
    custom_labels: int
    review_app: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Return four consecutive ports, `base` first."""
        if not 1024 <= base <= 65_532:
            raise ConfigurationError(f"--port must be from 1024 to 65532, not {base}")
        return cls(aws=base, step_functions=base + 1, custom_labels=base + 2, review_app=base + 3)

    @classmethod
    def find_free(cls) -> "Ports":
        """Return four unused ports below the range of ephemeral ports."""
        for _ in range(1000):
            ports = cls.from_base(random.randrange(15_000, 32_000))  # noqa: S311
            if all(_is_free(port) for port in astuple(ports)):
                return ports
        raise ConfigurationError("found no four free ports between 15000 and 32000")

    def __str__(self) -> str:
        return f"{self.aws}–{self.review_app}"


@contextmanager
def reserve_ports(ports: Ports) -> Iterator[None]:
    """Reserve the ports for the duration of a block. Raise ConfigurationError if they are taken.

    On Linux a reservation is an abstract Unix socket: it has no file, disappears with its process, and
    reveals the holder's process id.
    """
    with ExitStack() as reservations:
        for port in astuple(ports):
            if sys.platform == "linux":
                reservations.enter_context(_reserve(port, ports))
            if not _is_free(port):
                raise ConfigurationError(
                    f"Another program uses port {port}; stop it, or choose other ports with --port"
                )
        yield


def _reserve(port: int, ports: Ports) -> socket.socket:
    name = f"\0partcheck-port-{port}"
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(name)
    except OSError as error:
        reservation.close()
        raise already_running_error(ports, _holder(name)) from error
    reservation.listen()
    return reservation


def already_running_error(ports: Ports, process: int | None) -> ConfigurationError:
    """Return the error for a second environment on the same ports or state directory."""
    holder = f" (process {process})" if process else ""
    return ConfigurationError(
        f"An environment already runs on ports {ports}{holder}; "
        "stop it with Ctrl-C there, or choose others with --port and --state-dir"
    )


def _holder(name: str) -> int | None:
    """Return the id of the process that holds a reservation, or None if it was released meanwhile."""
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(name)
            credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
        return int(struct.unpack("3i", credentials)[0])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
