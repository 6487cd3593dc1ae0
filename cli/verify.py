"""`partcheck verify`: the consistency check."""

from dataclasses import asdict, astuple

import click

from cli.context import CliContext, Environment
from cli.output import note, print_json, print_table
from workflow.inspections.serialization import image_to_dict
from workflow.plurals import pluralize
from workflow.recovery import consistency
from workflow.recovery.consistency import ConsistencyReport

DAYS_SHOWN = 14


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print the balance and the issues as one JSON document."
)
@click.pass_obj
def verify(context: CliContext, as_json: bool) -> None:
    """Check that every uploaded photo is accounted for.

    Compares the inspections table with both buckets, the running executions and the archived ones. Prints
    uploads = ok + defect + waiting + rejected + in flight, in total and by upload day, and lists each photo
    that is not accounted for with its remedy. The exit code is 1 if there is one.

    \b
    Example:
      partcheck verify && echo "every photo is accounted for"
    """
    report = check_consistency(context.environment())
    if as_json:
        print_json(_to_dict(report))
    else:
        _print_report(report)
    if not report.is_clean:
        click.get_current_context().exit(1)


def check_consistency(environment: Environment) -> ConsistencyReport:
    """Compare the inspections table with the buckets and the executions of an environment."""
    return consistency.check(
        environment.inspections,
        environment.objects,
        environment.executions,
        environment.outputs.inbound_bucket,
        environment.outputs.filed_bucket,
        history=environment.outputs.history_bucket,
    )


def _to_dict(report: ConsistencyReport) -> dict[str, object]:
    return {
        "balance": asdict(report.balance),
        "balanced": report.balance.is_balanced,
        "clean": report.is_clean,
        "days": {day: asdict(balance) for day, balance in report.by_day.items()},
        "issues": [
            {
                "kind": issue.kind.value,
                "inspection_id": issue.inspection_id,
                "image": image_to_dict(issue.image),
                "why": issue.reason,
                "remedy": issue.remedy,
            }
            for issue in report.issues
        ],
    }


def _print_report(report: ConsistencyReport) -> None:
    balance = report.balance
    click.echo(
        f"{pluralize(balance.uploads, 'upload')} = {balance.ok:,} ok + {balance.defect:,} defect "
        f"+ {balance.waiting:,} waiting + {balance.rejected:,} rejected + {balance.in_flight:,} in flight"
        + ("" if balance.is_balanced else "  (does not balance)")
    )
    _print_days(report)
    if report.is_clean:
        click.echo("Every photo is accounted for.")
        return
    click.echo(f"{pluralize(len(report.issues), 'issue')}:\n" if report.issues else "")
    print_table(
        ("issue", "photo", "why", "remedy", "inspection"),
        [
            (issue.kind.value, issue.image.key, issue.reason, issue.remedy, issue.inspection_id[:12])
            for issue in report.issues
        ],
    )


def _print_days(report: ConsistencyReport) -> None:
    """Print the newest days, and every older day that does not balance."""
    days = list(report.by_day.items())
    older, newest = days[:-DAYS_SHOWN], days[-DAYS_SHOWN:]
    shown = [(day, balance) for day, balance in older if not balance.is_balanced] + newest
    numbers = ("uploads", "ok", "defect", "waiting", "rejected", "in flight")
    rows = [
        (
            day,
            *(f"{count:,}" for count in astuple(balance)),
            "" if balance.is_balanced else "does not balance",
        )
        for day, balance in shown
    ]
    if rows:
        click.echo()
        print_table(("day", *numbers, ""), rows, numbers)
    if len(shown) < len(days):
        note(f"{pluralize(len(days) - len(shown), 'earlier day')} balance as well; --json lists them.")
    click.echo()
