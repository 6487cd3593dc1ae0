"""`partcheck review decide`: record a reviewer's verdict on a waiting photo."""

from collections.abc import Sequence

import click

from cli import inspection_lookup
from cli.context import CliContext
from cli.login_name import login_name
from cli.output import escape_unprintable, note, print_json
from cli.printed_command import printed_command
from cli.review.decision_options import decision_options, decision_to_dict, parse_verdict
from workflow.errors import Conflict
from workflow.inspections import undo_window
from workflow.inspections.inspection import Inspection
from workflow.inspections.serialization import verdict_or_status
from workflow.review import decisions


@click.command()
@decision_options(
    "decides", "decision", reason_help="Why. Stored with the decision and announced with the verdict."
)
@click.pass_obj
def decide(
    context: CliContext,
    image: str,
    verdict: str,
    reason: str,
    defect_class: str,
    reviewer: str,
    as_json: bool,
) -> None:
    """Decide a waiting photo: ok or defect.

    IMAGE is the photo's name, its key, or the first digits of the id that `partcheck review list` prints. The
    decision is stored durably with the reviewer and the time. For a few seconds `partcheck review undo` takes
    it back. After that the photo is filed and the verdict is announced.

    \b
    Example:
      partcheck review decide part-4711.jpg defect --class crack --reason "at the rim"
    """
    parsed_verdict = parse_verdict(verdict, defect_class)
    environment = context.environment()
    row = (
        _select_waiting(inspection_lookup.find_all(environment.inspections, image), image)
        or inspection_lookup.find_newest_match(environment.inspections, image)[0]
    )
    decision = decisions.decide(
        environment.inspections,
        environment.decision_queue,
        row.id,
        verdict=parsed_verdict,
        reviewer=reviewer or login_name(),
        reason=reason,
        defect_class=defect_class,
        undo_seconds=undo_window.UNDO_SECONDS,
    )
    if as_json:
        print_json(decision_to_dict(row, decision))
        return
    click.echo(
        escape_unprintable(f"{row.image.key}: {decision.verdict.value}, decided by {decision.reviewer}.")
    )
    show = printed_command(f"execution show {row.id[:12]}")
    note(f"It is filed in {undo_window.UNDO_SECONDS} seconds: {show}")


def _select_waiting(matches: Sequence[Inspection], text: str) -> Inspection | None:
    """Return the only inspection that can be decided. Raise Conflict if several or none of several can."""
    waiting = [row for row in matches if row.awaits_decision]
    if len(waiting) > 1:
        raise Conflict(inspection_lookup.ambiguity_message(waiting, "waiting photo", text))
    if not waiting and len(matches) > 1:
        newest = matches[0]
        raise Conflict(
            f"None of {len(matches)} inspections that match {text!r} waits for a decision "
            f"(the newest is {newest.state.value}, verdict {verdict_or_status(newest)})."
        )
    return waiting[0] if waiting else None
