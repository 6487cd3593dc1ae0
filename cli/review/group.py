"""`partcheck review`: the command group."""

import click

from cli.review.agreement import agreement
from cli.review.decide import decide
from cli.review.list import list_reviews
from cli.review.override import override
from cli.review.undo import undo


@click.group()
def review() -> None:
    """Decide photos that need a person.

    \b
    Which photos wait:    partcheck review list
    Decide one:           partcheck review decide PHOTO ok
    Take a decision back: partcheck review undo PHOTO
    Correct a verdict:    partcheck review override PHOTO defect --reason TEXT
    """


for command in (list_reviews, decide, undo, override, agreement):
    review.add_command(command)
