"""`partcheck execution`: the command group."""

import click

from cli.execution.export import export
from cli.execution.list import list_executions
from cli.execution.redrive import redrive
from cli.execution.reinspect import reinspect
from cli.execution.show import show
from cli.execution.stop import stop


@click.group()
def execution() -> None:
    """Find, follow and repeat inspections.

    \b
    Find photos:               partcheck execution list --name 4711
    See each step:             partcheck execution show PHOTO
    Retry what failed:         partcheck execution redrive --all-failed
    Ask the model once more:   partcheck execution reinspect PHOTO --reason TEXT
    """


for command in (list_executions, show, export, redrive, reinspect, stop):
    execution.add_command(command)
