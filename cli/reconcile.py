"""`partcheck reconcile`: repair the issues that `partcheck verify` reports."""

import time

import click

from cli.context import CliContext, Environment
from cli.output import note, print_json_line, print_table
from cli.verify import check_consistency
from workflow.recovery.reconcile import LEFT_TO_PERSON, Reconciler
from workflow.recovery.reconcile import reconcile as repair_all


@click.command()
@click.option("--once", is_flag=True, help="Check and repair once, then exit.")
@click.option(
    "--every", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds between two checks."
)
@click.option("--json", "as_json", is_flag=True, help="Print the repairs of each check as one JSON object.")
@click.pass_obj
def reconcile(context: CliContext, once: bool, every: float, as_json: bool) -> None:
    """Repair the issues that `partcheck verify` reports.

    Starts inspections of missed uploads, restarts inspections whose execution ended, delivers decisions
    again, and deletes originals and copies that are superfluous according to the inspections table. An object
    in the filed bucket that no row names gets an inspection of its own, which a person decides. A running
    environment does most of this every minute by itself. Runs until Ctrl-C unless --once is given; then the
    exit code is 1 if an issue needs a person.

    \b
    Example:
      partcheck reconcile --once
    """
    environment = context.environment()
    while True:
        counts = reconcile_once(environment)
        _print_counts(counts, as_json)
        if once:
            click.get_current_context().exit(1 if counts.get(LEFT_TO_PERSON) else 0)
        time.sleep(every)


def reconcile_once(environment: Environment) -> dict[str, int]:
    """Check an environment and repair its issues. Return how many of each kind were repaired."""
    reconciler = Reconciler(
        inspections=environment.inspections,
        objects=environment.objects,
        executions=environment.executions,
        delivery_queue=environment.decision_queue,
    )
    return repair_all(reconciler, check_consistency(environment).issues)


def _print_counts(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json_line(counts)
    elif counts:
        rows = [(kind, f"{count:,}") for kind, count in counts.items()]
        print_table(("issue", "repaired"), rows, ("repaired",))
    else:
        note("Nothing to repair.")
