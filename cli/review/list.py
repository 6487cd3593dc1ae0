"""`partcheck review list`: the photos that wait for a reviewer."""

import click

from cli.context import CliContext
from cli.output import (
    format_confidence,
    format_duration,
    format_id,
    format_timestamp,
    note,
    print_json_line,
    print_table,
)
from workflow import timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.serialization import confidence, threshold, to_dict

TITLES = ("photo", "label", "confidence", "threshold", "waits", "until", "round", "with", "inspection")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo, one per line.")
@click.pass_obj
def list_reviews(context: CliContext, as_json: bool) -> None:
    """List the photos that wait for a reviewer, longest waiting first.

    The model's confidence in them was below the threshold, its label has no rule, or the photo is unusual.
    Each photo waits until the time shown. Then it is escalated and keeps waiting. `partcheck review decide`
    decides it. Photos that are assigned or on hold show the reviewer's name. The review page begins with the
    riskiest photo instead.

    \b
    Example:
      partcheck review list --json | jq -r .key
    """
    waiting = context.environment().inspections.list_by_state(InspectionState.WAITING)
    rows = [row for row in waiting if row.awaits_decision]
    rows.sort(key=lambda row: row.review.opened_at if row.review else "")
    if as_json:
        for row in rows:
            print_json_line(to_dict(row))
        return
    if not rows:
        note("No photo waits for a reviewer.")
        return
    right = ("confidence", "threshold", "waits", "round")
    print_table(TITLES, [_cells(row) for row in rows], right, ("threshold", "round", "until", "label"))


def _cells(row: Inspection) -> tuple[str, ...]:
    review = row.review
    waiting = max(0.0, timestamps.seconds_between(review.opened_at, timestamps.now())) if review else None
    return (
        row.image.key,
        row.prediction.label if row.prediction else "",
        format_confidence(confidence(row)),
        format_confidence(threshold(row)),
        format_duration(waiting),
        format_timestamp(review.deadline) if review else "",
        f"{review.round}{' escalated' if review.escalated else ''}" if review else "",
        _reviewer(row),
        format_id(row.id),
    )


def _reviewer(row: Inspection) -> str:
    """Return the reviewer who holds the photo or to whom it is assigned. Empty if there is none."""
    if row.hold is not None:
        return f"on hold by {row.hold.reviewer}: {row.hold.reason}"
    return row.lease.reviewer if row.lease is not None and row.lease.expires_at > timestamps.now() else ""
