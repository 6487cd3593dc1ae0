"""`partcheck executions`: inspections found by what is known of them, newest first."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import click

from cli.output import clock, json_line, note, share, table
from cli.reach import Chosen
from workflow import timestamps
from workflow.csv_export import csv_lines
from workflow.history.search import Query, Search
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.serialization import confidence, facts, seconds, threshold, verdict
from workflow.inspections.verdict import Verdict

PAGE = 100
VERDICTS = [one.value for one in Verdict]


TITLES = ("photo", "state", "verdict", "confidence", "threshold", "seconds", "uploaded", "execution")
DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.option(
    "--limit",
    "-n",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="How many of the newest inspections.",
)
@click.option(
    "--name", default="", help="A word or number in the photo's name; with a * behind: its beginning."
)
@click.option("--state", type=click.Choice([one.value for one in State]), help="How far it is.")
@click.option("--verdict", "wanted", type=click.Choice(VERDICTS), help="Where it is filed.")
@click.option("--by", default="", help="Who decided it.")
@click.option("--model", default="", help="The version of the model that judged it.")
@click.option("--policy", default="", help="The version of the policy that routed it.")
@click.option("--since", type=DAY, help="Begun then or later (UTC).")
@click.option("--until", type=DAY, help="Begun before (UTC).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an inspection, one a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV, in which nothing is a formula.")
@click.pass_obj
def executions(
    chosen: Chosen,
    limit: int,
    name: str,
    state: str | None,
    wanted: str | None,
    by: str,
    model: str,
    policy: str,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List inspections with their executions, newest first: all, or those that answer to every option.

    \b
    Examples:
      partcheck executions --limit 5
      partcheck executions --name 4711
      partcheck executions --verdict defect --by ann --since 2026-11-01 --csv
    """
    if as_json and as_csv:
        raise click.UsageError("give --json or --csv, not both")
    query = Query(
        name,
        State(state) if state else None,
        Verdict(wanted) if wanted else None,
        *(by, model, policy),
        *(timestamps.text(one.replace(tzinfo=UTC)) if one else "" for one in (since, until)),
    )
    rows = list(islice(found(chosen.reach().search, query), limit))
    if as_json:
        for row in rows:
            json_line(facts(row))
    elif as_csv:
        for line in csv_lines([TITLES, *map(_cells, rows)]):
            click.echo(line, nl=False)
    elif not rows:
        hint = "No inspection answers to that." if query != Query() else EMPTY
        note(hint)
    else:
        table(TITLES, [_cells(row) for row in rows], ("confidence", "threshold", "seconds"))


EMPTY = "No photo was inspected yet: `partcheck inspect PATH…` uploads some."


def found(search: Search, query: Query) -> Iterator[Inspection]:
    """Everything that answers a query, page after page."""
    page = search.page(query, size=PAGE)
    yield from page.rows
    while page.older:
        page = search.page(query, page.older, PAGE)
        yield from page.rows


def _cells(row: Inspection) -> tuple[str, ...]:
    took = seconds(row)
    return (
        row.image.key,
        row.state.value,
        verdict(row),
        share(confidence(row)),
        share(threshold(row)),
        "" if took is None else f"{took:.1f}",
        clock(row.uploaded_at),
        f"{row.id[:12]}…-{row.attempt}",
    )
