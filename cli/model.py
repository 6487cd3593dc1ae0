"""`partcheck model`: the life of the model that judges the photos."""

import click

from cli.model_data import check, import_photos
from cli.model_evaluate import evaluate
from cli.model_power import power
from cli.model_promote import promote, rollback
from cli.model_run import delete, list_models, start, status, stop
from cli.model_train import train


@click.group()
def model() -> None:
    """The model that judges the photos: from a folder of photos to its retirement.

    \b
    In one go:     partcheck model train photos/
    Step by step:  partcheck model check photos/
                   partcheck model import photos/
                   partcheck model train
                   partcheck model evaluate VERSION --hold-out other-photos/
                   partcheck model promote VERSION
                   partcheck model start
                   partcheck model rollback
    """


for command in (
    check,
    import_photos,
    train,
    evaluate,
    start,
    stop,
    status,
    promote,
    rollback,
    list_models,
    delete,
    power,
):
    model.add_command(command)
