"""`partcheck review undo`: take back a decision that is not final yet."""

from collections.abc import Sequence

import click

from cli import inspection_lookup
from cli.context import CliContext
from cli.login_name import login_name
from cli.output import escape_unprintable, print_json
from cli.review.decision_options import decision_to_dict, json_option, reviewer_option
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection
from workflow.review import decisions


@click.command()
@click.argument("image")
@reviewer_option("takes the decision back")
@json_option("decision")
@click.pass_obj
def undo(context: CliContext, image: str, reviewer: str, as_json: bool) -> None:
    """Take back your decision before it is delivered.

    A decision is delivered a few seconds after it was taken. After that use `partcheck review override`. If
    several inspections match IMAGE, the one that you decided is meant.

    \b
    Example:
      partcheck review undo part-4711.jpg
    """
    environment, name = context.environment(), reviewer or login_name()
    row = (
        _select_decided(inspection_lookup.find_all(environment.inspections, image), image, name)
        or inspection_lookup.find_newest_match(environment.inspections, image)[0]
    )
    decision = row.decision
    after = decisions.undo(environment.inspections, row.id, decision.id if decision else "", name)
    if as_json and decision is not None:
        print_json({**decision_to_dict(after, decision), "undone": True})
        return
    click.echo(
        escape_unprintable(f"{row.image.key}: {name} took the decision back; the photo is waiting again.")
    )


def _select_decided(matches: Sequence[Inspection], text: str, reviewer: str) -> Inspection | None:
    """Return the only inspection whose decision this reviewer can take back.

    Raise Conflict if there are several, or if none of several has one.
    """
    own = [
        row
        for row in matches
        if row.decision and row.decision.reviewer == reviewer and not row.decision.finalized
    ]
    if len(own) > 1:
        raise Conflict(inspection_lookup.ambiguity_message(own, "fresh decision", text))
    if not own and len(matches) > 1:
        raise Conflict(
            f"None of {len(matches)} inspections that match {text!r} has a decision of {reviewer} "
            "that can still be taken back."
        )
    return own[0] if own else None
