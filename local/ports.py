"""The ports of a line on this machine: which ones, and the claim that keeps a second line off them."""

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


@dataclass(frozen=True, slots=True)
class Ports:
    """One port each for the local AWS, Step Functions, Custom Labels and the review app."""

    aws: int
    step_functions: int
    custom_labels: int
    review_app: int

    @classmethod
    def at(cls, base: int) -> "Ports":
        """Four consecutive ports from `base` on."""
        if not 1024 <= base <= 65_532:
            raise ConfigurationError(f"--port must be from 1024 to 65532, not {base}")
        return cls(base, base + 1, base + 2, base + 3)

    @classmethod
    def free(cls) -> "Ports":
        """Four ports that nobody uses now, below those that outgoing connections get."""
        for _ in range(1000):
            ports = cls.at(random.randrange(15_000, 32_000))  # noqa: S311
            if all(_is_free(port) for port in astuple(ports)):
                return ports
        raise ConfigurationError("no four free ports were found between 15000 and 32000")

    def __str__(self) -> str:
        return f"{self.aws}–{self.review_app}"


@contextmanager
def claimed(ports: Ports) -> Iterator[None]:
    """Hold the ports against other lines; ConfigurationError says who has them already.

    On Linux the claim is a socket without a file, so it ends with the process however that ends, and it tells
    the second comer the process number of the first.
    """
    with ExitStack() as claims:
        for port in astuple(ports):
            if sys.platform == "linux":
                claims.enter_context(_claim(port, ports))
            if not _is_free(port):
                raise ConfigurationError(
                    f"Another program uses port {port}; stop it, or choose other ports with --port"
                )
        yield


def _claim(port: int, ports: Ports) -> socket.socket:
    name = f"\0partcheck-line-{port}"
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(name)
    except OSError as error:
        claim.close()
        raise taken(ports, _holder(name)) from error
    claim.listen()
    return claim


def taken(ports: Ports, process: int | None) -> ConfigurationError:
    """What a second line on the same ports, or in the same directory, is told."""
    who = f" (process {process})" if process else ""
    return ConfigurationError(
        f"A line already runs on ports {ports}{who}; "
        "stop it with Ctrl-C there, or choose others with --port and --home"
    )


def _holder(name: str) -> int | None:
    """The process that holds a claim, or None when it let go meanwhile."""
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
