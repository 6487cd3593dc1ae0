"""The oddest photos among good parts: the first to look at where no defect is labelled yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.folder_labels import label_of
from datasets.labelled_photos import LabelledPhoto
from datasets.near_duplicates import find_near_duplicates
from datasets.photo_listing import list_folder
from vision.classifier import fit_scaler
from vision.feature_blocks import FeatureBlock, extract_blocks
from vision.photo_decoding import PhotoError
from vision.shrinkage import Matrix, Vector, shrink_covariance
from workflow.errors import ConfigurationError
from workflow.inspections.default_label_rules import is_ok_label

FOLDS = 10
MIN_GOOD = 20


@dataclass(frozen=True, slots=True)
class OddPhoto:
    """A photo with its distance from the good ones, in deviations; about one is usual."""

    name: str
    distance: float


def rank_oddest(folder: Path, progress: Callable[[int], None]) -> list[OddPhoto]:
    """Return the photos below a folder, the oddest first. `progress` receives the number of photos read.

    Photos in folders of sound labels (ok, good) are the good ones, and all others are compared with them. If
    there are no others, or no such folders, each photo is compared with those of all other parts. Raise
    ConfigurationError if there are fewer than MIN_GOOD good photos.
    """
    photos = [
        LabelledPhoto(name=name, label=label_of(name), read=(folder / name).read_bytes)
        for name in list_folder(folder).names
    ]
    features, readable = _extract(photos, progress)
    good = np.array([is_ok_label(photo.label) for photo in readable], dtype=bool)
    if not good.any() or good.all():
        good[:] = True
    if good.sum() < MIN_GOOD:
        raise ConfigurationError(
            f"{folder} has {int(good.sum())} readable photos of good parts, and {MIN_GOOD} are needed: put "
            f"them into {folder}/ok/, and photos to compare with them beside it"
        )
    if good.all():
        ranked, distances = readable, _distances_out_of_fold(features, readable)
    else:
        ranked = [photo for photo, is_good in zip(readable, good, strict=True) if not is_good]
        distances = _distances(features[good], features[~good])
    order = np.argsort(-distances, kind="stable")
    return [OddPhoto(ranked[index].name, float(distances[index])) for index in order]


def _extract(
    photos: Sequence[LabelledPhoto], progress: Callable[[int], None]
) -> tuple[Matrix, list[LabelledPhoto]]:
    """Return the features of the photos that can be read (photos × features), and these photos."""
    rows, readable = [], []
    for done, photo in enumerate(photos, 1):
        try:
            rows.append(extract_blocks(photo.read(), (FeatureBlock.WHOLE,), colour=False)[0])
            readable.append(photo)
        except PhotoError:
            pass
        progress(done)
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1), readable


def _distances(good: Matrix, others: Matrix) -> Vector:
    """Return the distance of the others from the good ones; a usual good photo has about one."""
    scaler = fit_scaler(good)
    covariance = shrink_covariance(scaler(good))
    result: Vector = covariance.distances(scaler(others)) / good.shape[1] ** 0.5
    return result


def _distances_out_of_fold(features: Matrix, photos: Sequence[LabelledPhoto]) -> Vector:
    """Return the distance of each photo from those of other parts."""
    parts = find_near_duplicates(photos).part_numbers()
    folds = np.random.default_rng(0).permutation(int(parts.max()) + 1)[parts] % FOLDS
    distances = np.zeros(len(photos))
    for fold in np.unique(folds):
        held_out = folds == fold
        distances[held_out] = _distances(features[~held_out], features[held_out])
    return distances
