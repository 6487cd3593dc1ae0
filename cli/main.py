"""The command `partcheck`: its options, its commands, and what failures look like."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from cli.again import export, inspect_again
from cli.audit import audit, reconcile
from cli.custom_labels import custom_labels
from cli.decide import correct, decide
from cli.demo import demo
from cli.deploy import deploy
from cli.executions import executions
from cli.inspect import inspect
from cli.model import model
from cli.output import note, safe
from cli.reach import Chosen, NotRunning, Place, find
from cli.redrive import redrive
from cli.reviews import agreement, reviews
from cli.run import up
from cli.show import show
from cli.smoke import smoke
from cli.status import status
from cli.teardown import teardown
from workflow.errors import ConfigurationError, PartcheckError

FAILED, MISUSED, NOT_RUNNING, INTERRUPTED = 1, 2, 3, 130
HERE_ONLY = ("up", "demo", "custom-labels")

EPILOG = """\b
Exit codes:
  0    fine
  1    something was found or failed: a photo rejected or not judged in time, books that do not balance
  2    wrong usage or configuration
  3    the line is not running
  130  interrupted

Results go to stdout, everything else to stderr. Without a terminal, or with NO_COLOR set, output is plain;
--json gives JSON.
"""


class Partcheck(click.Group):
    """A group whose commands fail with one sentence and a documented exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            note("Interrupted.")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output has seen enough; nothing may be flushed to it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(FAILED)
        except (PartcheckError, OSError) as error:
            note(safe(f"Error: {error}"))
            ctx.exit(_exit_code(error))
        except Exception as error:
            if not _from_aws(error):
                raise
            note(safe(f"Error: {error}"))
            ctx.exit(NOT_RUNNING if "Connect" in type(error).__name__ else FAILED)


def _exit_code(error: Exception) -> int:
    if isinstance(error, NotRunning):
        return NOT_RUNNING
    return MISUSED if isinstance(error, ConfigurationError) else FAILED


def _from_aws(error: Exception) -> bool:
    """Whether a service refused or did not answer; told by name, since only workflow.aws knows boto3."""
    return any(kind.__module__.startswith("botocore.") for kind in type(error).__mro__)


@click.group(
    cls=Partcheck,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="PARTCHECK_HOME",
    show_envvar=True,
    help="Where the line keeps its photos, ledger and models.  [default: .partcheck]",
)
@click.option(
    "--port",
    type=click.IntRange(1024, 65000),
    envvar="PARTCHECK_PORT",
    show_envvar=True,
    help="First of the ports that `up` and `demo` listen on, on this machine only.",
)
@click.option(
    "--stage",
    default="",
    envvar="PARTCHECK_STAGE",
    show_envvar=True,
    help="Work with this stage on AWS instead of the line on this machine.",
)
@click.option("--profile", default="", help="The AWS profile for --stage.  [default: AWS_PROFILE]")
@click.option("--region", default="", help="The AWS region for --stage.  [default: the profile's]")
@click.version_option(package_name="partcheck", prog_name="partcheck")
@click.pass_context
def main(
    ctx: click.Context, home: Path | None, port: int | None, stage: str, profile: str, region: str
) -> None:
    """Inspect photos of manufactured parts: every photo judged, filed, announced and accounted for.

    \b
    See it work:            partcheck demo
    Run it on this machine: partcheck up
    Then, beside it:        partcheck model train photos/
                            partcheck inspect new-photos/
                            partcheck reviews
    On AWS:                 partcheck deploy --stage prod
                            partcheck --stage prod inspect new-photos/
    """
    if stage and ctx.invoked_subcommand in HERE_ONLY:
        raise click.UsageError(f"`{ctx.invoked_subcommand}` works on this machine; leave out --stage")
    ctx.obj = Chosen(home, port, ctx.obj or find, Place(stage, profile, region))


for command in (
    up,
    demo,
    inspect,
    executions,
    show,
    reviews,
    decide,
    correct,
    agreement,
    audit,
    reconcile,
    redrive,
    inspect_again,
    export,
    model,
    custom_labels,
    deploy,
    status,
    smoke,
    teardown,
):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="partcheck")
