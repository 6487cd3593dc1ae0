"""`partcheck reviews` and `partcheck decide`: the person at the terminal."""

import getpass
from collections.abc import Sequence

import click

from cli import lookup
from cli.output import clock, duration, json_document, json_line, note, plural, safe, share, table
from cli.reach import Chosen
from workflow import moment, review
from workflow.errors import Conflict
from workflow.facts import confidence, facts, threshold, verdict
from workflow.inspection import Inspection, State
from workflow.verdict import Verdict

MAX_REVIEWER, MAX_REASON = 100, 1000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a photo, one a line.")
@click.pass_obj
def reviews(chosen: Chosen, as_json: bool) -> None:
    """List the photos that wait for a person, the longest waiting first.

    The model was not sure enough of them, or did not know what it saw. Each waits until the time shown; then
    it is escalated and waits on. `partcheck decide` answers.

    \b
    Example:
      partcheck reviews --json | jq -r .key
    """
    rows = [row for row in chosen.reach().ledger.in_state(State.WAITING) if waits(row)]
    if as_json:
        for row in rows:
            json_line(facts(row))
        return
    if not rows:
        note("No photo waits for a person.")
        return
    titles = ("photo", "label", "confidence", "threshold", "waits", "until", "round", "inspection")
    table(titles, [_cells(row) for row in rows], ("confidence", "threshold", "waits", "round"))


def waits(row: Inspection) -> bool:
    """Whether a decision is asked for and none stands."""
    return row.state is State.WAITING and row.decision is None


def _cells(row: Inspection) -> tuple[str, ...]:
    asked = row.review
    return (
        row.image.key,
        row.prediction.label if row.prediction else "",
        share(confidence(row)),
        share(threshold(row)),
        duration(max(0.0, moment.seconds_between(asked.opened_at, moment.now()))) if asked else "",
        clock(asked.deadline) if asked else "",
        f"{asked.round}{' escalated' if asked.escalated else ''}" if asked else "",
        row.id[:12],
    )


@click.command()
@click.argument("image")
@click.argument("answer", metavar="ok|defect", type=click.Choice(["ok", "defect"]))
@click.option("--reason", default="", help="Why; kept with the decision and announced with the verdict.")
@click.option("--reviewer", default="", help="Who decides.  [default: the login name]")
@click.option("--json", "as_json", is_flag=True, help="The decision as one JSON document.")
@click.pass_obj
def decide(chosen: Chosen, image: str, answer: str, reason: str, reviewer: str, as_json: bool) -> None:
    """Decide a photo that waits: ok or defect.

    IMAGE is what `partcheck show` understands: the photo's name, its key, or the first digits of the id that
    `partcheck reviews` prints. The decision is kept with who took it and when, and cannot be lost; the line
    then files the photo and announces the verdict.

    \b
    Example:
      partcheck decide part-4711.jpg defect --reason "crack at the rim"
    """
    _check_length("--reason", reason, MAX_REASON)
    _check_length("--reviewer", reviewer, MAX_REVIEWER)
    line = chosen.reach()
    row = _choose(lookup.matches(line.ledger, image), image) or lookup.one(line.ledger, image)[0]
    made = review.decide(
        line.ledger, line.decisions, row.id, Verdict(answer), reviewer or _login_name(), reason
    )
    if as_json:
        json_document(
            {
                "id": made.id,
                "inspection_id": row.id,
                "key": row.image.key,
                "verdict": made.verdict.value,
                "reviewer": made.reviewer,
                "decided_at": made.decided_at,
                "reason": made.reason,
            }
        )
        return
    click.echo(safe(f"{row.image.key}: {made.verdict.value}, decided by {made.reviewer}."))
    note(f"The line files it now: partcheck show {row.id[:12]}")


def _choose(found: Sequence[Inspection], text: str) -> Inspection | None:
    """The one inspection that can be decided; of several that cannot, none."""
    waiting = [row for row in found if waits(row)]
    if len(waiting) > 1:
        ids = ", ".join(row.id[:12] for row in waiting)
        raise Conflict(f"{plural(len(waiting), 'waiting photo')} match {text!r}: name one by its id ({ids}).")
    if not waiting and len(found) > 1:
        newest = found[0]
        raise Conflict(
            f"None of {len(found)} inspections that match {text!r} waits for a decision "
            f"(the newest is {newest.state.value}, verdict {verdict(newest)})."
        )
    return waiting[0] if waiting else None


def _check_length(option: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise click.BadParameter(f"at most {limit:,} characters, not {len(text):,}", param_hint=option)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "terminal"
