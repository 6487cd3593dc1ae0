import os
import socket
from dataclasses import astuple

import pytest

from local.ports import Ports, reserve_ports
from workflow.errors import ConfigurationError


def test_free_ports_are_consecutive() -> None:
    aws, *others = astuple(Ports.find_free())

    assert others == [aws + 1, aws + 2, aws + 3]


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_second_environment_on_any_of_the_ports_is_refused_with_the_holder(shift: int) -> None:
    ports = Ports.find_free()
    second = Ports.from_base(ports.aws + shift)

    with reserve_ports(ports), pytest.raises(ConfigurationError) as refusal, reserve_ports(second):
        pass

    assert str(refusal.value) == (
        f"An environment already runs on ports {second} (process {os.getpid()}); "
        "stop it with Ctrl-C there, or choose others with --port and --state-dir"
    )


def test_ports_can_be_reserved_again_after_their_release() -> None:
    ports = Ports.find_free()

    for _ in range(2):
        with reserve_ports(ports):
            pass


def test_a_port_that_another_program_uses_is_named() -> None:
    ports = Ports.find_free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.step_functions))
        other.listen()

        with (
            pytest.raises(ConfigurationError, match=f"uses port {ports.step_functions};"),
            reserve_ports(ports),
        ):
            pass
