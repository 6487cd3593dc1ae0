import os
import socket
from dataclasses import astuple

import pytest

from local.ports import Ports, claimed
from workflow.errors import ConfigurationError


def test_free_ports_are_four_in_a_row() -> None:
    aws, *others = astuple(Ports.free())

    assert others == [aws + 1, aws + 2, aws + 3]


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_second_line_on_any_of_the_ports_learns_who_has_them(shift: int) -> None:
    ports = Ports.free()
    second = Ports.at(ports.aws + shift)

    with claimed(ports), pytest.raises(ConfigurationError) as refusal, claimed(second):
        pass

    assert str(refusal.value) == (
        f"A line already runs on ports {second} (process {os.getpid()}); "
        "stop it with Ctrl-C there, or choose others with --port and --home"
    )


def test_ports_can_be_claimed_again_after_their_end() -> None:
    ports = Ports.free()

    for _ in range(2):
        with claimed(ports):
            pass


def test_a_port_of_another_program_is_named() -> None:
    ports = Ports.free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.step_functions))
        other.listen()

        with pytest.raises(ConfigurationError, match=f"uses port {ports.step_functions};"), claimed(ports):
            pass
