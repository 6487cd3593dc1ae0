"""`partcheck reviews` and `partcheck agreement`: what waits for persons, and how well they agree."""

import click

from cli.output import clock, duration, json_line, note, share, table
from cli.reach import Chosen
from workflow import timestamps
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.serialization import confidence, facts, threshold
from workflow.review.agreement import Agreement, agreements
from workflow.review.queue import Pile


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a photo, one a line.")
@click.pass_obj
def reviews(chosen: Chosen, as_json: bool) -> None:
    """List the photos that wait for a person, the longest waiting first.

    The model was not sure enough of them, or did not know what it saw. Each waits until the time shown; then
    it is escalated and waits on. `partcheck decide` answers. One that a reviewer looks at, or holds back,
    names him.

    \b
    Example:
      partcheck reviews --json | jq -r .key
    """
    rows = [row for row in chosen.reach().ledger.in_state(State.WAITING) if row.open]
    if as_json:
        for row in rows:
            json_line(facts(row))
        return
    if not rows:
        note("No photo waits for a person.")
        return
    titles = ("photo", "label", "confidence", "threshold", "waits", "until", "round", "with", "inspection")
    table(titles, [_cells(row) for row in rows], ("confidence", "threshold", "waits", "round"))


def _cells(row: Inspection) -> tuple[str, ...]:
    asked = row.review
    return (
        row.image.key,
        row.prediction.label if row.prediction else "",
        share(confidence(row)),
        share(threshold(row)),
        duration(max(0.0, timestamps.seconds_between(asked.opened_at, timestamps.now()))) if asked else "",
        clock(asked.deadline) if asked else "",
        f"{asked.round}{' escalated' if asked.escalated else ''}" if asked else "",
        _with(row),
        row.id[:12],
    )


def _with(row: Inspection) -> str:
    """Who has the photo before him, or keeps it from the others."""
    if row.hold is not None:
        return f"{row.hold.by}, on hold: {row.hold.reason}"
    return row.lease.reviewer if row.lease is not None and row.lease.until > timestamps.now() else ""


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far to look back."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a pair, one a line.")
@click.pass_obj
def agreement(chosen: Chosen, days: int, as_json: bool) -> None:
    """Tell how well two judges of the same photos agree.

    A share of the photos that were decided is shown to a second person, who does not see the first answer.
    Kappa is the agreement beyond what chance would bring: 1 is perfect, 0 is chance. Intervals hold 95 %.

    \b
    Example:
      partcheck agreement --days 90
    """
    since = timestamps.later(timestamps.now(), -86_400 * days)
    listed = chosen.reach().reviews.listed
    looks = [one.second for pile in (Pile.SEEN, Pile.DISPUTED) for one in listed(pile, since) if one.second]
    found = agreements(looks)
    if as_json:
        for one in found:
            json_line(_facts(one))
        return
    if not found:
        note(f"No photo was looked at twice in {days} days.")
        return
    titles = ("judges", "photos", "agreed", "agreement", "kappa")
    table(titles, [_line(one) for one in found], ("photos", "agreed"))
    open_disputes = sum(look.final is None and not look.agrees for look in looks)
    if open_disputes:
        note(f"{open_disputes} of the disagreements wait for somebody to adjudicate.")


def _line(one: Agreement) -> tuple[str, ...]:
    return (
        " and ".join(one.judges),
        str(one.photos),
        str(one.agreed),
        _measured(one.raw, one.raw_interval),
        _measured(one.kappa, one.kappa_interval),
    )


def _measured(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "says nothing"
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _facts(one: Agreement) -> dict[str, object]:
    return {
        "judges": list(one.judges),
        "photos": one.photos,
        "agreed": one.agreed,
        "agreement": one.raw,
        "agreement_interval": list(one.raw_interval),
        "kappa": one.kappa,
        "kappa_interval": list(one.kappa_interval) if one.kappa_interval else None,
    }
