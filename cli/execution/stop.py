"""`partcheck execution stop`: end the running execution of photos."""

import time
import uuid
from collections.abc import Sequence

import click

from cli import inspection_lookup
from cli.context import CliContext, Environment
from cli.login_name import login_name
from cli.output import escape_unprintable, note, print_json
from cli.text_param import TextParam
from workflow import timestamps
from workflow.errors import ConfigurationError
from workflow.recovery import commands
from workflow.recovery.commands import Command, CommandKind
from workflow.review.decisions import MAX_REASON_LENGTH

POLL_SECONDS = 1.0


@click.command()
@click.argument("images", metavar="IMAGE…", nargs=-1, required=True)
@click.option(
    "--reason",
    required=True,
    type=TextParam(MAX_REASON_LENGTH, required=True),
    help="Why. Recorded in the audit trail.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=120,
    show_default=True,
    help="Seconds to wait for the result. The command is executed even after that.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.pass_obj
def stop(context: CliContext, images: Sequence[str], reason: str, timeout: float, as_json: bool) -> None:
    """End the running execution of photos.

    The photo keeps its place. The reconciler starts its next attempt. The environment executes the command,
    as it does for the review app, and records it in the audit trail. The exit code is 1 if a photo was
    refused or the result did not arrive in time.

    \b
    Example:
      partcheck execution stop part-4711.jpg --reason "stuck at Detect labels"
    """
    environment = context.environment()
    inspection_ids = inspection_lookup.resolve_ids(environment.inspections, images)
    command = Command(
        id=str(uuid.uuid4()),
        kind=CommandKind.STOP,
        actor=login_name(),
        reason=reason.strip(),
        requested_at=timestamps.now(),
        ids=tuple(inspection_ids),
    )
    try:
        commands.submit(environment.commands, command)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    environment.command_queue.send(command.id)
    result = _wait(environment, command, timeout)
    if as_json:
        print_json(
            {
                "command": result.id,
                "stopped": result.done,
                "refused": result.refused,
                "messages": list(result.messages),
                "ended_at": result.ended_at or None,
            }
        )
    else:
        for message in result.messages:
            click.echo(escape_unprintable(message))
    if not result.ended_at:
        note(f"No result within {timeout:g} s. The command is stored and will be executed.")
    if result.refused or not result.ended_at:
        click.get_current_context().exit(1)


def _wait(environment: Environment, command: Command, timeout: float) -> Command:
    """Return the command with its result, or as it is when the time is up."""
    deadline = time.monotonic() + timeout
    while True:
        current = environment.commands.get(command.id) or command
        if current.ended_at or time.monotonic() >= deadline:
            return current
        time.sleep(POLL_SECONDS)
