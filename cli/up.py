"""`partcheck up`: run the environment on this machine."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.context import CliContext, display_path, open_environment
from cli.output import note, print_json_line
from cli.printed_command import command_path, options_before_command, printed_command
from cli.sample_model import train_and_promote_sample_model

if TYPE_CHECKING:
    from local.environment import LocalEnvironment

SAMPLE_PARTS, SAMPLE_SEED = 160, 1

_NO_MODEL = """
No model is trained yet. Uploaded photos wait until there is one. In another terminal:

  {partcheck} model train FOLDER      FOLDER has one folder of photos per label, such as ok/ and defect/

or start with `{up} --sample-model` to try it with a model of generated parts.
"""

_NEXT_COMMANDS = """
In another terminal:

  {partcheck} inspect PATH…           upload photos or folders and wait for their verdicts
  {partcheck} review list             list the photos that wait for a reviewer
  {partcheck} execution list          list the inspections

Photos: s3://{inbound} → s3://{filed}
"""


@click.command()
@click.option(
    "--sample-model",
    is_flag=True,
    help="If no model is in use, train one on generated parts. Takes half a minute.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the environment's addresses and names as one JSON object."
)
@click.pass_obj
def up(context: CliContext, sample_model: bool, as_json: bool) -> None:
    """Run the environment on this machine until Ctrl-C.

    Starts a local AWS, Step Functions, a Custom Labels service that trains real models, and the review app.
    Creates buckets, queues, functions and the state machine. Listens only on this machine's own address.
    Photos, tables, models and waiting reviews are kept in the state directory (--state-dir); the next `up`
    continues with them.

    \b
    Examples:
      partcheck up
      partcheck --state-dir /srv/line-2 --port 5566 up
    """
    from local.environment import LocalEnvironment
    from local.settings import resolve_ports

    with LocalEnvironment(context.state_dir, resolve_ports(context.port), report=note) as local:
        if sample_model and local.current_model_arn() is None:
            _train_sample_model(local)
        if as_json:
            print_json_line(_to_dict(local))
        else:
            _print_addresses(local, options_before_command(context, "inspect"))
        note("The environment is running. Ctrl-C stops it.")
        local.wait()
        note("Stopping …")
    note(f"Stopped. Photos, tables and models are kept; `{printed_command('up')}` continues with them.")


def _train_sample_model(local: "LocalEnvironment") -> None:
    from local.sample_parts import generate_parts

    environment = open_environment(local.outputs, local.sdk_environment)
    train_and_promote_sample_model(environment, generate_parts(SAMPLE_PARTS, SAMPLE_SEED))


def _to_dict(local: "LocalEnvironment") -> dict[str, object]:
    return {
        "state_dir": str(local.state_dir),
        "review_app": local.review_app_url,
        "environment": dict(local.sdk_environment),
        "model": local.current_model_arn(),
        "outputs": asdict(local.outputs),
    }


def _print_addresses(local: "LocalEnvironment", options: str) -> None:
    model = local.current_model_arn()
    partcheck = f"{command_path('partcheck')}{options}"
    buckets = {"inbound": local.outputs.inbound_bucket, "filed": local.outputs.filed_bucket}
    click.echo(f"State directory: {display_path(local.state_dir)}")
    click.echo(f"Model in use:    {model or 'none'}")
    click.echo(f"Review app:      {local.review_app_url}  (sign in with any name)")
    click.echo(_NEXT_COMMANDS.format(partcheck=partcheck, **buckets), nl=False)
    click.echo("\nFor the AWS CLI and the AWS SDKs:\n")
    click.echo(_format_exports(local.sdk_environment))
    if model is None:
        click.echo(_NO_MODEL.format(partcheck=partcheck, up=printed_command("up")), nl=False)


def _format_exports(variables: Mapping[str, str]) -> str:
    """Return the shell lines that set environment variables."""
    return "\n".join(f"  export {name}={shlex.quote(value)}" for name, value in variables.items())
