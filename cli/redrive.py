"""`partcheck redrive`: failed inspections start again."""

import time
from collections.abc import Sequence

import click

from cli import lookup
from cli.output import json_line, note, plural, table
from cli.progress import Progress
from cli.reach import Chosen, Reached
from workflow.inspections.serialization import place
from workflow.recovery.reconcile import Mender
from workflow.recovery.redrive import Outcome, Redriven, failed, redrive_all


@click.command()
@click.argument("images", metavar="[IMAGE|EXECUTION]…", nargs=-1)
@click.option("--all-failed", is_flag=True, help="Every open inspection whose execution ended.")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 100),
    default=5,
    show_default=True,
    help="At most so many a second.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object an inspection, one a line.")
@click.pass_obj
def redrive(chosen: Chosen, images: Sequence[str], all_failed: bool, rate: float, as_json: bool) -> None:
    """Start failed inspections again, however often they failed.

    An execution goes on where it failed, if Step Functions offers that (within 14 days; not on this machine);
    else the photo is handed to the next attempt. A running line does so too, with growing rests, but gives up
    after ten attempts; this is for what it gave up, once its cause is mended.

    \b
    Example:
      partcheck redrive --all-failed --rate 20
    """
    if bool(images) == all_failed:
        raise click.UsageError("Name photos or executions, or give --all-failed.")
    line = chosen.reach()
    inspections = _wanted(line, images)
    if not inspections:
        note("No inspection has failed.")
        return
    _redrive(line, inspections, rate, as_json)


def _wanted(line: Reached, images: Sequence[str]) -> list[str]:
    if not images:
        return [row.id for row in failed(line.ledger, line.executions)]
    return lookup.ids(line.ledger, images)


def _redrive(line: Reached, inspections: list[str], rate: float, as_json: bool) -> None:
    """What was started again is told, whatever ends it."""
    mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)
    done: list[Redriven] = []
    try:
        with Progress("Starting again", len(inspections)) as progress:
            for one in redrive_all(mender, line.executions, inspections, rate, time.sleep):
                done.append(one)
                progress.show(len(done), one.outcome.value)
                if as_json:
                    json_line(_facts(one))
    finally:
        if not as_json:
            _print(done)


def _facts(one: Redriven) -> dict[str, object]:
    return {
        "inspection_id": one.inspection_id,
        "image": place(one.image),
        "execution": one.execution,
        "outcome": one.outcome.value,
        "why": one.why,
    }


def _print(done: Sequence[Redriven]) -> None:
    titles = ("photo", "outcome", "why", "execution")
    table(titles, [(one.image.key, one.outcome.value, one.why, one.execution) for one in done])
    again = [one for one in done if one.outcome is not Outcome.NOT_NEEDED]
    note(f"{plural(len(again), 'inspection')} started again.")
