"""Measure the photo guard: python -m benchmarks.guard [--photos FOLDER] [--train 200] [--held-back 300].

For each product it trains a model and fits a reference, then applies each fault of a camera to photos that
were held back: those that the guard promises to stop to all of them, the others to the first OTHERS. It
prints how many photos the guard stops, how many defective parts the model passes, how many of these the guard
lets pass, and the false alarms. FOLDER holds real photos as train/LABEL/* and test/LABEL/*; photos of labels
that begin with "ok" show sound parts.
"""

import argparse
import functools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from benchmarks.guard_faults import ALL_FAULTS
from benchmarks.host import describe_host
from custom_labels.fitting import TrainingExamples, fit_classifier
from datasets.labelled_photos import LabelledPhoto
from datasets.near_duplicates import find_near_duplicates
from local.sample_parts import SampleProduct, generate_parts
from vision.camera_faults import GROSS_FAULTS, apply_fault
from vision.classifier import PhotoClassifier
from vision.feature_blocks import FeatureBlock
from vision.features import extract_features
from vision.photo_decoding import decode_photo
from vision.photo_measures import measure_photo
from vision.reference_fitting import fit_reference
from workflow.inspections.model_reference import ModelReference, parse_reference
from workflow.inspections.photo_guard import explain_unusual
from workflow.photos.measures import PhotoMeasures

THRESHOLD = 0.8
LABELS = ("defect", "ok")
CHUNK_SIZE = 10
# Seeds of the generated parts: no part is in both.
TRAINING_SEED = 11
HELD_BACK_SEED = 12

_model: PhotoClassifier
_reference: ModelReference


@dataclass(frozen=True, slots=True)
class GuardPhoto:
    """A photo of a sound or of a defective part."""

    content: bytes
    sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product's photos; `parts` names the part of each training photo."""

    name: str
    training: Sequence[GuardPhoto]
    parts: Sequence[str]
    held_back: Sequence[GuardPhoto]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the guard and the model say of one photo; `ok_score` is from 0 to 1."""

    stopped: bool
    ok_score: float
    sound: bool

    @property
    def is_missed_by_model(self) -> bool:
        return not self.sound and self.ok_score >= THRESHOLD


def generate_product(product: SampleProduct, training: int, held_back: int) -> Product:
    """Generate as many sound as defective parts."""
    photos = [
        [
            GuardPhoto(part.content, part.label == "ok")
            for part in generate_parts(count, seed, product=product)
        ]
        for count, seed in ((training, TRAINING_SEED), (held_back, HELD_BACK_SEED))
    ]
    return Product(
        name=product.value,
        training=photos[0],
        parts=[str(number) for number in range(training)],
        held_back=photos[1],
    )


def read_product(folder: Path) -> Product:
    """Read real photos; look-alikes among the training photos count as one part."""
    training, held_back = (
        [
            GuardPhoto(path.read_bytes(), path.parent.name.startswith("ok"))
            for path in sorted((folder / part).glob("*/*"), key=lambda path: path.name)
            if path.suffix.lower() in (".jpg", ".jpeg", ".png")
        ]
        for part in ("train", "test")
    )
    labelled = [
        LabelledPhoto(name=str(number), label="", read=functools.partial(bytes, photo.content))
        for number, photo in enumerate(training)
    ]
    parts = [str(number) for number in find_near_duplicates(labelled).part_numbers()]
    return Product(name=folder.name, training=training, parts=parts, held_back=held_back)


def learn(product: Product, pool: Executor) -> tuple[PhotoClassifier, ModelReference]:
    """Train a model and fit its reference, both from the same photos."""
    contents = [photo.content for photo in product.training]
    features = np.array(list(pool.map(_features, contents, chunksize=CHUNK_SIZE)), dtype=np.float64)
    targets = np.array([LABELS.index("ok" if photo.sound else "defect") for photo in product.training])
    examples = TrainingExamples(
        features={FeatureBlock.WHOLE: features},
        targets=targets,
        parts=np.unique(product.parts, return_inverse=True)[1],
        labels=LABELS,
        colour=False,
    )
    model = fit_classifier(examples, lambda _progress: None).classifier
    measures = list(pool.map(measure_photo, contents, chunksize=CHUNK_SIZE))
    about = {"model": product.name, "made_at": "now", "photos": {"all": len(contents)}}
    document: dict[str, Any] = {
        **about,
        "parts": {"all": len(set(product.parts))},
        **fit_reference(measures, product.parts),
    }
    return model, parse_reference(json.dumps(document))


def _features(content: bytes) -> Any:
    return extract_features(decode_photo(content).planes(colour=False))


def _initialize(model: PhotoClassifier, reference: ModelReference) -> None:
    global _model, _reference
    _model, _reference = model, reference


def _examine(fault: str | None, photo: GuardPhoto) -> Answer:
    """Apply a fault, then ask the guard and, about a defective part, the model."""
    content = apply_fault(photo.content, ALL_FAULTS[fault]) if fault else photo.content
    reasons = explain_unusual(PhotoMeasures(**measure_photo(content)), _reference)
    score = 0.0
    if not photo.sound or fault is None:
        score = float(_model.score_photo(content)[LABELS.index("ok")])
    return Answer(bool(reasons), score, photo.sound)


@contextmanager
def examiners(model: PhotoClassifier, reference: ModelReference) -> Iterator[Executor]:
    with ProcessPoolExecutor(2, initializer=_initialize, initargs=(model, reference)) as pool:
        yield pool


def examine_all(pool: Executor, photos: Iterable[GuardPhoto], fault: str | None = None) -> list[Answer]:
    return list(pool.map(functools.partial(_examine, fault), photos, chunksize=CHUNK_SIZE))


def report_usual(product: Product, reference: ModelReference, answers: Sequence[Answer]) -> None:
    """Print false alarms with their exact 95 % interval, and the model's area with and without the guard."""
    alarms = sum(answer.stopped for answer in answers)
    low, high = binomtest(alarms, len(answers)).proportion_ci(0.95, method="exact")
    areas = [
        roc_auc_score([answer.sound for answer in kept], [answer.ok_score for answer in kept])
        for kept in (answers, [answer for answer in answers if not answer.stopped])
    ]
    print(
        f"* {product.name}: {len(product.training)} training photos of {reference.part_count} parts, "
        f"{reference.stopped} of {reference.tested} stopped out of fold. False alarms: {alarms} of "
        f"{len(answers)} ({low:.1%} to {high:.1%}). Area of the model: {areas[0]:.4f}; on the photos that "
        f"the guard lets pass: {areas[1]:.4f}.",
        flush=True,
    )


def describe_answers(answers: Sequence[Answer]) -> str:
    """Return a table cell: photos stopped; defective parts that the model passes, and also the guard."""
    missed = [answer for answer in answers if answer.is_missed_by_model]
    defective = sum(not answer.sound for answer in answers)
    passed = sum(not answer.stopped for answer in missed)
    return f"{_stopped(answers)}; {len(missed)} → {passed} of {defective}"


def _stopped(answers: Sequence[Answer]) -> str:
    return f"{sum(answer.stopped for answer in answers)} of {len(answers)}"


def measure_product(product: Product, others: Sequence[Product], slight: int) -> Mapping[str, str]:
    """Return one cell for each fault and for each other product; print what holds for usual photos.

    Faults that the guard does not promise to stop are applied to `slight` photos only.
    """
    with ProcessPoolExecutor(2) as pool:
        model, reference = learn(product, pool)
    with examiners(model, reference) as pool:
        usual = examine_all(pool, product.held_back)
        report_usual(product, reference, usual)
        cells = {"none": describe_answers(usual)}
        for fault in ALL_FAULTS:
            count = None if fault in GROSS_FAULTS else slight
            cells[fault] = describe_answers(examine_all(pool, product.held_back[:count], fault))
        for other in others:
            cells[f"photos of {other.name}"] = _stopped(examine_all(pool, other.held_back))
    return cells


def print_table(columns: Mapping[str, Mapping[str, str]]) -> None:
    """Print the faults as rows; an asterisk marks those that the guard promises to stop."""
    rows = dict.fromkeys(row for cells in columns.values() for row in cells)
    print(f"\n| Fault | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for row in rows:
        promised = " *" if row in GROSS_FAULTS or row.startswith("photos of") else ""
        print(f"| {row}{promised} | {' | '.join(cells.get(row, '–') for cells in columns.values())} |")


def report_speed(photos: Sequence[GuardPhoto]) -> None:
    """Print the processor time of the measures, the cheapest of three runs."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        for photo in photos:
            measure_photo(photo.content)
        seconds.append(time.process_time() - began)
    print(f"\nMeasures: {min(seconds) / len(photos) * 1000:.1f} ms of processor time a photo.")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guard", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--photos", type=Path, help="folder of real photos")
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--held-back", type=int, default=300)
    parser.add_argument("--others", type=int, default=100, metavar="OTHERS")
    options = parser.parse_args()
    products = [generate_product(product, options.train, options.held_back) for product in SampleProduct]
    if options.photos:
        products.append(read_product(options.photos))
    print(f"{describe_host()}\n", flush=True)
    columns = {
        product.name: measure_product(
            product, [other for other in products if other is not product], options.others
        )
        for product in products
    }
    print_table(columns)
    report_speed(products[0].held_back[:50])


if __name__ == "__main__":
    main()
