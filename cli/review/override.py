"""`partcheck review override`: replace a verdict that was announced."""

import click

from cli import inspection_lookup
from cli.context import CliContext
from cli.login_name import login_name
from cli.output import escape_unprintable, note, print_json
from cli.printed_command import printed_command
from cli.review.decision_options import decision_options, decision_to_dict, parse_verdict
from workflow.inspections.serialization import verdict_or_status
from workflow.review import revision


@click.command()
@decision_options(
    "overrides the verdict",
    "new decision",
    reason_help="Why. Stored with the new verdict and announced with it.",
    is_reason_required=True,
)
@click.pass_obj
def override(
    context: CliContext,
    image: str,
    verdict: str,
    reason: str,
    defect_class: str,
    reviewer: str,
    as_json: bool,
) -> None:
    """Replace a verdict that was announced, the model's or a reviewer's.

    The photo is moved. A second message announces the new verdict and names the message that it corrects. The
    old verdict stays on record. An override cannot be undone, only overridden again.

    \b
    Example:
      partcheck review override part-4711.jpg defect --reason "a crack runs under the reflection"
    """
    parsed_verdict = parse_verdict(verdict, defect_class)
    environment = context.environment()
    row = inspection_lookup.find_newest_match(environment.inspections, image)[0]
    after = revision.override(
        environment.inspections,
        environment.decision_queue,
        row.id,
        verdict=parsed_verdict,
        reviewer=reviewer or login_name(),
        reason=reason,
        defect_class=defect_class,
    )
    if as_json and after.decision is not None:
        changes = {"revision": after.revision, "was": verdict_or_status(row)}
        print_json({**decision_to_dict(after, after.decision), **changes})
        return
    click.echo(
        escape_unprintable(
            f"{row.image.key}: {verdict} instead of {verdict_or_status(row)}, revision {after.revision}."
        )
    )
    note(f"It is filed and announced now: {printed_command(f'execution show {row.id[:12]}')}")
