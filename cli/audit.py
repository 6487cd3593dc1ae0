"""`partcheck audit` and `partcheck reconcile`: whether every photo is accounted for, and mending it."""

import time
from dataclasses import asdict, astuple

import click

from cli.output import json_document, json_line, note, plural, table
from cli.reach import Chosen, Reached
from workflow.inspections.serialization import place
from workflow.recovery import consistency as books
from workflow.recovery.consistency import Report
from workflow.recovery.reconcile import LEFT, Mender
from workflow.recovery.reconcile import reconcile as mend

DAYS = 14


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The balance and the findings as one JSON document.")
@click.pass_obj
def audit(chosen: Chosen, as_json: bool) -> None:
    """Balance the books: every uploaded photo is in exactly one place.

    Compares the ledger with both buckets and the running executions, prints
    uploads = ok + defect + waiting + rejected + in flight, in all and by the day of uploading, and lists
    every photo that is not accounted for, with what mends it. The exit code is 1 if there is any.

    \b
    Example:
      partcheck audit && echo "nothing is lost"
    """
    report = _audit(chosen.reach())
    if as_json:
        json_document(_document(report))
    else:
        _print(report)
    if not report.clean:
        click.get_current_context().exit(1)


def _audit(line: Reached) -> Report:
    return books.audit(
        line.ledger, line.shelf, line.executions, line.site.inbound_bucket, line.site.filed_bucket
    )


def _document(report: Report) -> dict[str, object]:
    return {
        "balance": asdict(report.balance),
        "balanced": report.balance.balanced,
        "clean": report.clean,
        "days": {day: asdict(balance) for day, balance in report.days.items()},
        "findings": [
            {
                "kind": finding.kind.value,
                "inspection_id": finding.inspection_id,
                "image": place(finding.image),
                "why": finding.why,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
    }


def _print(report: Report) -> None:
    balance = report.balance
    click.echo(
        f"{plural(balance.uploads, 'upload')} = {balance.ok:,} ok + {balance.defect:,} defect "
        f"+ {balance.waiting:,} waiting + {balance.rejected:,} rejected + {balance.in_flight:,} in flight"
        + ("" if balance.balanced else "  (does not balance)")
    )
    _print_days(report)
    if report.clean:
        click.echo("Every photo is accounted for.")
        return
    click.echo(f"{plural(len(report.findings), 'finding')}:\n" if report.findings else "")
    table(
        ("what", "photo", "why", "remedy", "inspection"),
        [
            (finding.kind.value, finding.image.key, finding.why, finding.remedy, finding.inspection_id[:12])
            for finding in report.findings
        ],
    )


def _print_days(report: Report) -> None:
    """The newest days, and every other one that does not balance."""
    days = list(report.days.items())
    shown = [(day, one) for day, one in days[:-DAYS] if not one.balanced] + days[-DAYS:]
    numbers = ("uploads", "ok", "defect", "waiting", "rejected", "in flight")
    rows = [
        (day, *(f"{count:,}" for count in astuple(one)), "" if one.balanced else "does not balance")
        for day, one in shown
    ]
    if rows:
        click.echo()
        table(("day", *numbers, ""), rows, numbers)
    if len(shown) < len(days):
        note(f"{plural(len(days) - len(shown), 'earlier day')} balance as well; --json lists them.")
    click.echo()


@click.command()
@click.option("--once", is_flag=True, help="Look once instead of again and again.")
@click.option(
    "--every",
    type=click.FloatRange(min=1),
    default=60,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--json", "as_json", is_flag=True, help="What was mended as one JSON object a look.")
@click.pass_obj
def reconcile(chosen: Chosen, once: bool, every: float, as_json: bool) -> None:
    """Mend what `partcheck audit` finds.

    Starts inspections of missed uploads, starts stranded ones again, delivers decisions once more, and
    deletes originals and copies that the ledger proves superfluous. A running line does most of it every
    minute by itself; this is for impatient people. Runs until Ctrl-C unless --once is given; then the exit
    code is 1 if something is left for a person.

    \b
    Example:
      partcheck reconcile --once
    """
    line = chosen.reach()
    mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)
    while True:
        counts = mend(mender, _audit(line).findings)
        _print_counts(counts, as_json)
        if once:
            click.get_current_context().exit(1 if counts.get(LEFT) else 0)
        time.sleep(every)


def _print_counts(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        json_line(counts)
    elif counts:
        table(("what", "mended"), [(kind, f"{count:,}") for kind, count in counts.items()], ("mended",))
    else:
        note("Nothing to mend.")
