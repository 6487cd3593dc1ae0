"""`partcheck review agreement`: how well two reviewers of the same photos agree."""

import click

from cli.context import CliContext
from cli.output import note, print_json_line, print_table
from workflow import timestamps
from workflow.review.agreement import Agreement, compute_agreements
from workflow.review.queue import ReviewQueue

SECONDS_PER_DAY = 86_400


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How many days to look back."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per pair, one per line.")
@click.pass_obj
def agreement(context: CliContext, days: int, as_json: bool) -> None:
    """Show how well two reviewers of the same photos agree.

    A share of the decided photos is shown to a second reviewer, who does not see the first answer. Kappa is
    the agreement beyond chance: 1 is perfect, 0 is chance. Intervals cover 95 %.

    \b
    Example:
      partcheck review agreement --days 90
    """
    since = timestamps.add_seconds(timestamps.now(), -SECONDS_PER_DAY * days)
    list_queue = context.environment().reviews.list_items
    second_reviews = [
        item.second_review
        for queue in (ReviewQueue.RESOLVED, ReviewQueue.DISAGREEMENT)
        for item in list_queue(queue, since)
        if item.second_review
    ]
    agreements = compute_agreements(second_reviews)
    if as_json:
        for result in agreements:
            print_json_line(_to_dict(result))
        return
    if not agreements:
        note(f"No photo had a second review in the last {days} days.")
        return
    titles = ("reviewers", "photos", "agreed", "agreement", "kappa")
    print_table(titles, [_cells(result) for result in agreements], ("photos", "agreed"))
    open_disputes = sum(
        second_review.final_verdict is None and not second_review.agrees for second_review in second_reviews
    )
    if open_disputes:
        note(f"{open_disputes} of the disagreements wait for adjudication.")


def _cells(result: Agreement) -> tuple[str, ...]:
    return (
        " and ".join(result.raters),
        str(result.photos),
        str(result.agreed),
        _format_estimate(result.raw_agreement, result.raw_interval),
        _format_estimate(result.kappa, result.kappa_interval),
    )


def _format_estimate(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "undefined"
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _to_dict(result: Agreement) -> dict[str, object]:
    return {
        "reviewers": list(result.raters),
        "photos": result.photos,
        "agreed": result.agreed,
        "agreement": result.raw_agreement,
        "agreement_interval": list(result.raw_interval),
        "kappa": result.kappa,
        "kappa_interval": list(result.kappa_interval) if result.kappa_interval else None,
    }
