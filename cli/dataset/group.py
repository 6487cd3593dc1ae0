"""`partcheck dataset`: the command group."""

import click

from cli.dataset.import_photos import import_photos
from cli.dataset.validate import validate


@click.group()
def dataset() -> None:
    """Validate and import labelled photos.

    \b
    Find errors first:     partcheck dataset validate photos/
    Upload for training:   partcheck dataset import photos/
    """


for command in (validate, import_photos):
    dataset.add_command(command)
