"""A model that is trained on generated parts."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cli.context import Environment
from cli.dataset.import_photos import split_photos
from cli.model.train import train_and_promote
from cli.model_services import build_model_services

if TYPE_CHECKING:
    from local.sample_parts import SamplePart

REASON = "sample model of generated parts"


def train_and_promote_sample_model(
    environment: Environment, parts: Iterable["SamplePart"], name: str = ""
) -> str:
    """Train a model on generated parts and put it to use, like `partcheck model train FOLDER`.

    Return its ARN.
    """
    from datasets.labelled_photos import LabelledPhoto

    photos = [
        LabelledPhoto(name=f"{part.label}/{part.name}", label=part.label, read=_reader(part.content))
        for part in parts
    ]
    return train_and_promote(
        build_model_services(environment), split_photos(photos), name=name, forced_because=REASON
    ).arn


def _reader(content: bytes) -> Callable[[], bytes]:
    return lambda: content
