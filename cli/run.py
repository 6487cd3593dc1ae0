"""`partcheck up`: the line on this machine, until Ctrl-C."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from cli.output import json_line, note
from cli.reach import Chosen, installed, shown_home

if TYPE_CHECKING:
    from local.line import Line

SAMPLE_PARTS, SAMPLE_SEED = 160, 1

_NO_MODEL = """
No model is trained yet. Photos that are uploaded meanwhile wait safely for it. In another terminal:

  {partcheck}{home} model train FOLDER      FOLDER holds one folder of photos a label, such as ok/ and defect/

or start the line with `--sample-model` to try it with a model of generated parts.
"""

_BESIDE = """
In another terminal:

  {partcheck}{home} inspect PATH…           upload photos or folders, wait for their verdicts
  {partcheck}{home} reviews                 see which photos wait for a person
  {partcheck}{home} executions              see what became of each photo

Photos: s3://{inbound} → s3://{filed}
"""


@click.command()
@click.option(
    "--sample-model",
    is_flag=True,
    help="Where no model is trained yet, train one on generated parts; it takes half a minute.",
)
@click.option("--json", "as_json", is_flag=True, help="The line's addresses and names as one JSON object.")
@click.pass_obj
def up(chosen: Chosen, sample_model: bool, as_json: bool) -> None:
    """Run the whole line on this machine until Ctrl-C.

    Starts a local AWS, Step Functions, a Custom Labels service that learns and the review app, creates
    buckets, queues, functions and the state machine, and then waits for photos. It listens on this machine's
    own address only. Photos, ledger, models and waiting reviews are kept in the state directory (--home):
    the next `up` goes on where this one stops.

    \b
    Example:
      partcheck up
      partcheck --home /srv/line-2 --port 5566 up
    """
    from local.line import Line
    from local.settings import chosen_ports

    with Line(chosen.home, chosen_ports(chosen.port), report=note) as line:
        if sample_model and line.model_arn() is None:
            train_sample(line)
        if as_json:
            json_line(_document(line))
        else:
            _tell(line, f" --home {chosen.home}" if chosen.home else "")
        note("The line runs; Ctrl-C stops it.")
        line.wait()
        note("Stopping …")
    note("Stopped. Photos, ledger and models are kept; `partcheck up` goes on with them.")


def train_sample(line: "Line") -> str:
    """Train the line's model on generated parts; returns its ARN."""
    from local.sample_parts import sample_parts

    return line.train(sample_parts(SAMPLE_PARTS, SAMPLE_SEED), report=note)


def _document(line: "Line") -> dict[str, object]:
    from dataclasses import asdict

    return {
        "home": str(line.home),
        "review_app": line.review_app,
        "environment": dict(line.environment),
        "model": line.model_arn(),
        "site": asdict(line.site),
    }


def _tell(line: "Line", home: str) -> None:
    model = line.model_arn()
    click.echo(f"State directory: {shown_home(line.home)}")
    click.echo(f"Model in use:    {model or 'none'}")
    click.echo(f"Review app:      {line.review_app}  (sign in by any name)")
    click.echo(_BESIDE.format(partcheck=installed("partcheck"), home=home, **_buckets(line)), nl=False)
    click.echo("\nFor the AWS CLI and the AWS SDKs:\n")
    click.echo(exports(line.environment))
    if model is None:
        click.echo(_NO_MODEL.format(partcheck=installed("partcheck"), home=home), nl=False)


def _buckets(line: "Line") -> dict[str, str]:
    return {"inbound": line.site.inbound_bucket, "filed": line.site.filed_bucket}


def exports(environment: Mapping[str, str]) -> str:
    """Shell lines that set the environment of another AWS tool."""
    return "\n".join(f"  export {name}={value}" for name, value in environment.items())
