"""`partcheck model`: the command group."""

import click

from cli.model.capacity import capacity
from cli.model.delete import delete
from cli.model.evaluate import evaluate
from cli.model.list import list_models
from cli.model.promote import promote
from cli.model.reference import reference
from cli.model.rollback import rollback
from cli.model.show import show
from cli.model.start import start
from cli.model.status import status
from cli.model.stop import stop
from cli.model.train import train
from cli.model.try_photos import try_photos


@click.group()
def model() -> None:
    """Train, compare, promote and run the models that judge the photos.

    \b
    The first model:  partcheck model train photos/
    A better one:     partcheck dataset import more-photos/ --replace
                      partcheck model train --name autumn
                      partcheck model start autumn
                      partcheck model evaluate autumn --hold-out other-photos/
                      partcheck model promote autumn
    Undo that:        partcheck model rollback
    Set up a light:   partcheck model try photo.jpg
    """


for command in (
    train,
    evaluate,
    promote,
    rollback,
    list_models,
    show,
    status,
    reference,
    try_photos,
    start,
    stop,
    delete,
    capacity,
):
    model.add_command(command)
