"""`partcheck execution list`: find inspections with their executions."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import click

from cli.context import CliContext
from cli.output import (
    format_confidence,
    format_execution,
    format_timestamp,
    note,
    print_json_line,
    print_table,
)
from cli.printed_command import printed_command
from cli.time_param import TimeParam
from workflow import timestamps
from workflow.csv_export import iter_csv_lines
from workflow.history.open_failures import FAILED, FAILURE_DAYS, list_open_failures
from workflow.history.search import InspectionQuery, InspectionSearch
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.model_reference import MEASURE_NAMES
from workflow.inspections.serialization import (
    confidence,
    describe_unusual,
    seconds_to_answer,
    threshold,
    to_dict,
    verdict_or_status,
)
from workflow.inspections.verdict import Verdict
from workflow.models.model import version_name

PAGE_SIZE = 100
HIDDEN_FIRST = ("threshold", "uploaded", "seconds", "state")
TITLES = ("photo", "state", "verdict", "confidence", "threshold", "seconds", "uploaded", "execution")
CSV_TITLES = (*TITLES, "unusual", *MEASURE_NAMES)


@click.command("list")
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many of the newest inspections.",
)
@click.option(
    "--name",
    default="",
    help="A word or number in the photo's name or folders. With a trailing *: the name's or key's beginning.",
)
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in InspectionState), FAILED]),
    help=f"The inspection's state. `{FAILED}`: its own execution failed in the last {FAILURE_DAYS} days, and "
    "nothing followed.",
)
@click.option(
    "--verdict", type=click.Choice([verdict.value for verdict in Verdict]), help="Where the photo is filed."
)
@click.option("--by", "reviewer", default="", help="Who decided it.")
@click.option("--model", default="", help="The version of the model that judged it.")
@click.option("--policy", default="", help="The version of the policy that routed it.")
@click.option("--unusual", is_flag=True, help="Only photos that the photo guard stopped.")
@click.option("--since", type=TimeParam(), help="Started at this time or later (UTC).")
@click.option("--until", type=TimeParam(), help="Started before this time (UTC).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per inspection, one per line.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in UTF-8. Cells never start a formula.")
@click.option("--no-bom", is_flag=True, help="With --csv: leave out the byte order mark.")
@click.pass_obj
def list_executions(
    context: CliContext,
    limit: int,
    name: str,
    state: str | None,
    verdict: str | None,
    reviewer: str,
    model: str,
    policy: str,
    unusual: bool,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    as_csv: bool,
    no_bom: bool,
) -> None:
    """List inspections with their executions, newest first.

    Several options select the inspections that match all of them. Times are UTC unless they have an offset:
    2026-11-30, 2026-11-30T08:30Z, 2026-11-30T09:30:00.5+01:00, and as commands print them.

    \b
    Examples:
      partcheck execution list --limit 5
      partcheck execution list --name 4711
      partcheck execution list --verdict defect --by ann --since 2026-11-01 --csv
    """
    if no_bom and not as_csv:
        raise click.UsageError("--no-bom needs --csv")
    if as_json and as_csv:
        raise click.UsageError("give --json or --csv, not both")
    query = InspectionQuery(
        name=name,
        state=InspectionState(state) if state and state != FAILED else None,
        verdict=Verdict(verdict) if verdict else None,
        decided_by=reviewer,
        model=version_name(model),
        policy=policy,
        unusual=unusual,
        since=to_timestamp(since),
        until=to_timestamp(until),
    )
    environment = context.environment()
    if state == FAILED:
        failures = list_open_failures(environment.metrics, environment.inspections)
        rows = [row for row, _ in failures if query.matches(row)][:limit]
    else:
        rows = list(islice(find_inspections(environment.search, query, limit), limit))
    if as_json:
        for row in rows:
            print_json_line(to_dict(row))
    elif as_csv:
        for line in iter_csv_lines([CSV_TITLES, *map(_csv_cells, rows)], bom=not no_bom):
            click.echo(line.encode(), nl=False)
    elif not rows:
        filtered = query != InspectionQuery()
        upload = f"No photo was inspected yet. Upload photos with `{printed_command('inspect PATH…')}`."
        note(_no_match(query) if filtered or state else upload)
    else:
        cells = [_cells(row, format_execution(row.owner)) for row in rows]
        print_table(TITLES, cells, ("confidence", "threshold", "seconds"), HIDDEN_FIRST)


def _no_match(query: InspectionQuery) -> str:
    """Return the sentence for an empty result, with the rule that the options follow."""
    rules = {
        query.name: "--name takes the beginning of a word or number in the name or of a word of its folders",
        query.model: f"--model takes a model's whole name or ARN (`{printed_command('model list')}`)",
        query.policy: "--policy takes the whole version of a routing policy",
        query.decided_by: "--by takes a reviewer's whole name",
    }
    given = "; ".join(rule for value, rule in rules.items() if value)
    return "No inspections match these options" + (f": {given}." if given else ".")


def to_timestamp(time: datetime | None) -> str:
    """Return the stored form of a time in UTC. Empty for None."""
    return timestamps.format_timestamp(time) if time else ""


def find_inspections(
    search: InspectionSearch, query: InspectionQuery, limit: int = PAGE_SIZE
) -> Iterator[Inspection]:
    """Yield every inspection that matches the query, page by page. Pages are not larger than `limit`."""
    size = min(limit, PAGE_SIZE)
    page = search.fetch_page(query, size=size)
    yield from page.rows
    while page.older:
        page = search.fetch_page(query, page.older, size)
        yield from page.rows


def _cells(row: Inspection, execution: str) -> tuple[str, ...]:
    seconds = seconds_to_answer(row)
    return (
        row.image.key,
        row.state.value,
        verdict_or_status(row),
        format_confidence(confidence(row)),
        format_confidence(threshold(row)),
        "" if seconds is None else f"{seconds:.1f}",
        format_timestamp(row.uploaded_at),
        execution,
    )


def _csv_cells(row: Inspection) -> tuple[object, ...]:
    measures = (getattr(row.measures, name, None) for name in MEASURE_NAMES)
    return (*_cells(row, row.owner), describe_unusual(row), *measures)
