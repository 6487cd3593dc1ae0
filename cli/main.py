"""The command `partcheck`: its options, its commands, and the exit codes of failures."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from cli.camera.group import camera
from cli.context import AwsTarget, CliContext, NotRunning, find_local_environment
from cli.custom_labels import custom_labels
from cli.dataset.group import dataset
from cli.demo import demo
from cli.execution.group import execution
from cli.inspect import inspect
from cli.local_environment import start_local_environment
from cli.model.group import model
from cli.output import escape_unencodable, escape_unprintable, note
from cli.printed_command import printed_command
from cli.reconcile import reconcile
from cli.review.group import review
from cli.stage.group import stage as stage_group
from cli.up import up
from cli.verify import verify
from workflow.errors import ConfigurationError, PartcheckError

FAILED, MISUSED, NOT_RUNNING, INTERRUPTED = 1, 2, 3, 130
_PLAIN_COMMAND = re.compile(r"`partcheck ([a-z][^`]*)`")
LOCAL_COMMANDS = ("up", "demo", "custom-labels")

EPILOG = """\b
Exit codes:
  0    success
  1    a check or an operation failed: a photo rejected or not judged in time, photos not accounted for
  2    wrong usage or configuration, AWS credentials that are missing or ran out
  3    the environment is not running
  130  interrupted

Results go to stdout, progress and errors to stderr. Output to a file or pipe, or with NO_COLOR set, is plain
text. --json prints JSON.
"""


class Partcheck(click.Group):
    """The root group. Commands fail with one sentence and a documented exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        escape_unencodable(sys.stdout, sys.stderr)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            note("Interrupted.")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # The reader of the pipe is gone. Python must not flush to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(FAILED)
        except (PartcheckError, OSError) as error:
            note(escape_unprintable(f"Error: {_complete_commands(_describe(error))}"))
            ctx.exit(_exit_code(error))
        except Exception as error:
            if not _from_aws(error):
                raise
            ctx.exit(_report_aws_error(error))


def _describe(error: Exception) -> str:
    """Return the error's message. An error of the operating system names its file and the reason."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _complete_commands(text: str) -> str:
    """Give the commands in a message of the domain this call's options, as in `partcheck camera list`."""
    return _PLAIN_COMMAND.sub(lambda match: f"`{printed_command(match[1])}`", text)


def _exit_code(error: Exception) -> int:
    if isinstance(error, NotRunning):
        return NOT_RUNNING
    return MISUSED if isinstance(error, ConfigurationError) else FAILED


def _report_aws_error(error: Exception) -> int:
    """Print an error from boto3, with the command that mends it if there is one. Return the exit code."""
    from workflow.aws.credentials import describe_credentials_error, describe_refusal

    remedy = describe_credentials_error(error)
    note(escape_unprintable(f"Error: {remedy or describe_refusal(error)}"))
    if remedy:
        return MISUSED
    return NOT_RUNNING if "Connect" in type(error).__name__ else FAILED


def _from_aws(error: Exception) -> bool:
    """Return True if an error comes from boto3. Compares names, since only workflow.aws imports boto3."""
    return any(base.__module__.startswith("botocore.") for base in type(error).__mro__)


@click.group(
    cls=Partcheck,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="PARTCHECK_STATE_DIR",
    show_envvar=True,
    help="The directory of the local environment's photos, tables and models.  [default: .partcheck]",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65000),
    envvar="PARTCHECK_PORT",
    show_envvar=True,
    help="The first of the four ports that the local environment listens on, on this machine only.",
)
@click.option(
    "--start",
    is_flag=True,
    help="If the local environment is not running, start it for this command and stop it afterwards.",
)
@click.option(
    "--stage",
    default="",
    envvar="PARTCHECK_STAGE",
    show_envvar=True,
    help="Use this stage on AWS instead of the local environment.",
)
@click.option("--profile", default="", help="The AWS profile for --stage.  [default: AWS_PROFILE]")
@click.option("--region", default="", help="The AWS region for --stage.  [default: the profile's region]")
@click.version_option(package_name="partcheck", prog_name="partcheck")
@click.pass_context
def main(
    ctx: click.Context,
    state_dir: Path | None,
    port: int | None,
    start: bool,
    stage: str,
    profile: str,
    region: str,
) -> None:
    """Inspect photos of manufactured parts: judge, file, announce and account for each photo.

    \b
    See it work:            partcheck demo
    Run it on this machine: partcheck up
    In another terminal:    partcheck model train photos/
                            partcheck inspect new-photos/
                            partcheck review list
    On AWS:                 partcheck stage deploy --stage prod
                            partcheck --stage prod inspect new-photos/
    """
    if stage and ctx.invoked_subcommand in LOCAL_COMMANDS:
        raise click.UsageError(f"`{ctx.invoked_subcommand}` works on this machine; leave out --stage")
    if stage and start:
        raise click.UsageError("--start is for the environment on this machine; leave out --stage")
    ctx.obj = CliContext(
        state_dir=state_dir,
        port=port,
        find_local=ctx.obj or find_local_environment,
        start_local=start_local_environment if start else None,
        target=AwsTarget(stage, profile, region),
    )


for command in (
    demo,
    up,
    inspect,
    verify,
    reconcile,
    review,
    execution,
    dataset,
    model,
    camera,
    stage_group,
    custom_labels,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="partcheck")
