"""`partcheck execution reinspect`: let the model in use judge closed photos again."""

import time
from collections.abc import Sequence
from datetime import datetime

import click

from cli import inspection_lookup
from cli.context import CliContext, Environment
from cli.execution.list import find_inspections, to_timestamp
from cli.login_name import login_name
from cli.output import escape_unprintable, note, print_json_line
from cli.text_param import TextParam
from cli.time_param import TimeParam
from workflow.errors import Conflict, NotFound
from workflow.history.search import InspectionQuery
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Verdict
from workflow.models.model import version_name
from workflow.plurals import pluralize
from workflow.recovery.commands import MAX_PER_SECOND
from workflow.review import revision
from workflow.review.decisions import MAX_REASON_LENGTH


@click.command()
@click.argument("images", metavar="[IMAGE]…", nargs=-1)
@click.option("--model", default="", help="All photos that this version of the model settled.")
@click.option("--policy", default="", help="All photos that this version of the policy settled.")
@click.option("--verdict", type=click.Choice(["ok", "defect"]), help="Only photos that were filed so.")
@click.option("--since", type=TimeParam(), help="Started at this time or later (UTC).")
@click.option("--until", type=TimeParam(), help="Started before this time (UTC).")
@click.option(
    "--reason",
    required=True,
    type=TextParam(MAX_REASON_LENGTH, required=True),
    help="Why. Recorded in the audit trail.",
)
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most this many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per inspection, one per line.")
@click.pass_obj
def reinspect(
    context: CliContext,
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
    """Let the model in use judge closed photos again. The old verdicts stay on record.

    Name photos, or a model or policy whose verdicts you no longer trust. A photo that a reviewer decided or
    overrode is reinspected only if it is named. The exit code is 1 if a photo was refused.

    \b
    Examples:
      partcheck execution reinspect part-4711.jpg --reason "wrong lens"
      partcheck execution reinspect --model 2026-11 --verdict ok --since 2026-11-01 --reason "escapes"
    """
    if bool(images) == bool(model or policy):
        raise click.UsageError("Name photos, or give --model or --policy.")
    environment = context.environment()
    query = InspectionQuery(
        state=InspectionState.CLOSED,
        verdict=Verdict(verdict) if verdict else None,
        model=version_name(model),
        policy=policy,
        since=to_timestamp(since),
        until=to_timestamp(until),
    )
    targets = _target_ids(environment, images, query)[:limit]
    if not targets:
        note("No closed inspection matches: --model and --policy take whole names.")
    started = _reinspect(environment, targets, reason, by_name=bool(images), as_json=as_json)
    refused = len(targets) - started
    note(f"{pluralize(started, 'photo')} reinspected" + (f", {refused} refused." if refused else "."))
    if refused:
        click.get_current_context().exit(1)


def _reinspect(
    environment: Environment, targets: Sequence[InspectionId], reason: str, *, by_name: bool, as_json: bool
) -> int:
    """Reinspect at a bounded rate and print each result. Return how many were started."""
    started = 0
    for number, inspection_id in enumerate(targets):
        if number:
            time.sleep(1 / MAX_PER_SECOND)
        try:
            row = revision.reinspect(
                environment.inspections,
                environment.decision_queue,
                inspection_id,
                login_name(),
                reason,
                include_decided=by_name,
            )
        except (Conflict, NotFound) as error:
            note(escape_unprintable(str(error)))
            if as_json:
                print_json_line({"inspection_id": inspection_id, "refused": str(error)})
            continue
        started += 1
        if as_json:
            print_json_line({"inspection_id": row.id, "key": row.image.key, "execution": row.owner})
        else:
            click.echo(escape_unprintable(f"{row.image.key}: revision {row.revision} begins"))
    return started


def _target_ids(
    environment: Environment, images: Sequence[str], query: InspectionQuery
) -> list[InspectionId]:
    """Return the ids of all targets. They are read before the first change, which would move the pages."""
    if images:
        return inspection_lookup.resolve_ids(environment.inspections, images)
    return [row.id for row in find_inspections(environment.search, query)]
