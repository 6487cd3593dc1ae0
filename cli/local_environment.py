"""Start the environment on this machine for the duration of one command."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import Environment, open_environment
from cli.output import note
from cli.reconcile import reconcile_once
from workflow.errors import ConfigurationError

if TYPE_CHECKING:
    from local.ports import Ports


def start_local_environment(state_dir: Path | None, port: int | None) -> Environment:
    """Start the environment on this machine. It stops when the command ends.

    Step Functions forgot the running executions when the environment stopped. They are restarted first, so
    that the command sees them running.
    """
    from local.environment import LocalEnvironment

    local = LocalEnvironment(state_dir, choose_ports(port), report=note)
    click.get_current_context().find_root().with_resource(local)
    environment = open_environment(local.outputs, local.sdk_environment)
    reconcile_once(environment)
    return environment


def choose_ports(base: int | None) -> "Ports":
    """Return the ports from `base`, by default the default ports, or free ones if those are taken."""
    from local.ports import Ports, reserve_ports
    from local.settings import resolve_ports

    ports = resolve_ports(base)
    if base is not None:
        return ports
    try:
        with reserve_ports(ports):
            return ports
    except ConfigurationError as error:
        free = Ports.find_free()
        note(f"{error}. Using ports {free} instead.")
        return free
