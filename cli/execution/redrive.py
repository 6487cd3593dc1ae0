"""`partcheck execution redrive`: restart failed inspections."""

import time
from collections.abc import Sequence

import click

from cli import inspection_lookup
from cli.context import CliContext, Environment
from cli.output import format_execution, note, print_json_line, print_table
from cli.progress import Progress
from workflow.inspections.objects import InspectionId
from workflow.inspections.serialization import image_to_dict
from workflow.plurals import pluralize
from workflow.recovery.reconcile import Reconciler
from workflow.recovery.redrive import RedriveOutcome, RedriveResult, find_failed, redrive_all


@click.command()
@click.argument("images", metavar="[IMAGE|EXECUTION]…", nargs=-1)
@click.option("--all-failed", is_flag=True, help="All open inspections whose execution ended.")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 100),
    default=5,
    show_default=True,
    help="At most this many a second.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per inspection, one per line.")
@click.pass_obj
def redrive(context: CliContext, images: Sequence[str], all_failed: bool, rate: float, as_json: bool) -> None:
    """Restart failed inspections, however often they failed.

    An execution continues at the failed step if Step Functions offers that (within 14 days, not on this
    machine). Otherwise the photo gets its next attempt. A running environment does this by itself with
    growing pauses, but gives up after ten attempts. Use this command after you fixed the cause.

    \b
    Example:
      partcheck execution redrive --all-failed --rate 20
    """
    if bool(images) == all_failed:
        raise click.UsageError("Name photos or executions, or give --all-failed.")
    environment = context.environment()
    inspection_ids = _target_ids(environment, images)
    if not inspection_ids:
        note("No inspection has failed.")
        return
    _redrive(environment, inspection_ids, rate, as_json)


def _target_ids(environment: Environment, images: Sequence[str]) -> list[InspectionId]:
    if not images:
        return [row.id for row in find_failed(environment.inspections, environment.executions)]
    return inspection_lookup.resolve_ids(environment.inspections, images)


def _redrive(
    environment: Environment, inspection_ids: list[InspectionId], rate: float, as_json: bool
) -> None:
    """Redrive and print the results, also if an error or Ctrl-C interrupts it."""
    reconciler = Reconciler(
        inspections=environment.inspections,
        objects=environment.objects,
        executions=environment.executions,
        delivery_queue=environment.decision_queue,
    )
    results: list[RedriveResult] = []
    try:
        with Progress("Redriving", len(inspection_ids)) as progress:
            for result in redrive_all(reconciler, environment.executions, inspection_ids, rate, time.sleep):
                results.append(result)
                progress.show(len(results), result.outcome.value)
                if as_json:
                    print_json_line(_to_dict(result))
    finally:
        if not as_json:
            _print_results(results)


def _to_dict(result: RedriveResult) -> dict[str, object]:
    return {
        "inspection_id": result.inspection_id,
        "image": image_to_dict(result.image),
        "execution": result.execution,
        "outcome": result.outcome.value,
        "why": result.reason,
    }


def _print_results(results: Sequence[RedriveResult]) -> None:
    titles = ("photo", "outcome", "why", "execution")
    rows = [
        (result.image.key, result.outcome.value, result.reason, format_execution(result.execution))
        for result in results
    ]
    print_table(titles, rows)
    restarted = [result for result in results if result.outcome is not RedriveOutcome.NOT_NEEDED]
    note(f"{pluralize(len(restarted), 'inspection')} restarted.")
