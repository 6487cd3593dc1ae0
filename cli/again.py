"""`partcheck inspect-again` and `partcheck export`: judge anew, and take away what an execution did."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cli import lookup
from cli.decide import login_name
from cli.executions import DAY, found
from cli.output import json_line, note, plural, safe
from cli.reach import Chosen, Reached
from cli.words import Words
from workflow import timestamps
from workflow.errors import Conflict, NotFound
from workflow.history import archive
from workflow.history.search import Query
from workflow.inspections.inspection import State
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import PER_SECOND
from workflow.review import revision
from workflow.review.decisions import MAX_REASON


@click.command("inspect-again")
@click.argument("images", metavar="[IMAGE]…", nargs=-1)
@click.option("--model", default="", help="Everything that this version of the model settled.")
@click.option("--policy", default="", help="Everything that this version of the policy settled.")
@click.option("--verdict", type=click.Choice(["ok", "defect"]), help="Only what was filed so.")
@click.option("--since", type=DAY, help="Begun then or later (UTC).")
@click.option("--until", type=DAY, help="Begun before (UTC).")
@click.option(
    "--reason", required=True, type=Words(MAX_REASON, needed=True), help="Why; kept in the audit trail."
)
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an inspection, one a line.")
@click.pass_obj
def inspect_again(
    chosen: Chosen,
    images: Sequence[str],
    model: str,
    policy: str,
    verdict: str | None,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    limit: int,
    as_json: bool,
) -> None:
    """Let the model in use judge photos anew; the old verdicts stay on record.

    Name photos, or a model or policy whose verdicts are not trusted any more. What a person decided or
    corrected is inspected again only by its name. The exit code is 1 if one was refused.

    \\b
    Examples:
      partcheck inspect-again part-4711.jpg --reason "wrong lens"
      partcheck inspect-again --model pq.2026-11 --verdict ok --since 2026-11-01 --reason "escapes"
    """
    if bool(images) == bool(model or policy):
        raise click.UsageError("Name photos, or give --model or --policy.")
    line = chosen.reach()
    span = (timestamps.text(one.replace(tzinfo=UTC)) if one else "" for one in (since, until))
    query = Query("", State.CLOSED, Verdict(verdict) if verdict else None, "", model, policy, *span)
    done = refused = 0
    for inspection_id in _wanted(line, images, query)[:limit]:
        if done + refused:
            time.sleep(1 / PER_SECOND)
        try:
            row = revision.inspect_again(
                line.ledger,
                line.decisions,
                inspection_id,
                login_name(),
                reason,
                decided_too=bool(images),
            )
        except (Conflict, NotFound) as refusal:
            refused += 1
            note(safe(str(refusal)))
            if as_json:
                json_line({"inspection_id": inspection_id, "refused": str(refusal)})
            continue
        done += 1
        if as_json:
            json_line({"inspection_id": row.id, "key": row.image.key, "execution": row.owner})
        else:
            click.echo(safe(f"{row.image.key}: revision {row.revision} begins"))
    note(f"{plural(done, 'photo')} inspected again" + (f", {refused} refused." if refused else "."))
    if refused:
        click.get_current_context().exit(1)


def _wanted(line: Reached, images: Sequence[str], query: Query) -> list[str]:
    """Read to the end first: what begins again cannot be taken back, and would move the pages."""
    if images:
        return lookup.ids(line.ledger, images)
    return [row.id for row in found(line.search, query)]


@click.command()
@click.argument("image")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file to write; stdout without it.")
@click.pass_obj
def export(chosen: Chosen, image: str, output: Path | None) -> None:
    """Write everything that an execution did as one JSON document, which the review app opens again.

    IMAGE is what `partcheck show` understands. Task tokens are never in it.

    \\b
    Example:
      partcheck export part-4711.jpg -o 4711.json
    """
    line = chosen.reach()
    name = lookup.execution(image) or lookup.one(line.ledger, image)[0].owner
    record = archive.latest(line.archive, line.histories, name)
    if record is None:
        raise NotFound(f"Nobody remembers execution {name} any more: there is nothing to export.")
    text = archive.text(record)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text, encoding="utf-8")
        note(f"Written to {output}.")
