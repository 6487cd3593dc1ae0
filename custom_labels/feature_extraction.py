"""Feature extraction of all photos of a training, in one worker process per processor."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from custom_labels.errors import ServiceError
from custom_labels.malloc_settings import configure_malloc
from custom_labels.manifest import ManifestEntry
from custom_labels.parent_watch import exit_with_parent
from custom_labels.s3_location import S3Location
from custom_labels.s3_storage import S3Storage
from vision.feature_blocks import FINE_PIXELS, FeatureBlock, extract_blocks
from vision.features import FeatureVector
from vision.fingerprints import Fingerprint, compute_fingerprint
from vision.photo_decoding import MAX_BYTES_IN_S3, PhotoError, decode_photo, open_photo

SAMPLE_SIZE = 24
MIN_COLOUR_SHARE = 0.1
CHUNK_SIZE = 4

# Set once in each worker by _initialize; workers keep nothing else between two photos.
_storage: S3Storage | None = None


@dataclass(frozen=True, slots=True)
class ExtractedFeatures:
    """Features and fingerprints of the photos that could be read, by their index in the list of entries."""

    blocks: tuple[FeatureBlock, ...]
    features: dict[int, list[FeatureVector]]
    fingerprints: dict[int, Fingerprint]

    def feature_matrices(self, indices: list[int]) -> dict[FeatureBlock, NDArray[np.float64]]:
        """Return the features of the photos (photos × features) by block."""
        return {
            block: np.array([self.features[index][number] for index in indices], dtype=np.float64)
            for number, block in enumerate(self.blocks)
        }

    def fingerprint_matrix(self, indices: list[int]) -> Fingerprint:
        """Return the fingerprints (photos × values)."""
        return np.array([self.fingerprints[index] for index in indices])


@contextmanager
def start_workers(storage: S3Storage) -> Iterator[Executor]:
    """Start one worker per processor; each ends when this process ends."""
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=_initialize, initargs=(storage.region, storage.endpoint, os.getpid())
    ) as pool:
        pool.submit(os.getpid).result()
        yield pool


def _initialize(region: str, endpoint: str | None, parent: int) -> None:
    global _storage
    _storage = S3Storage(region, endpoint)
    configure_malloc()
    exit_with_parent(parent)


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """The blocks that a training computes for each photo, and whether colour is among their features."""

    blocks: tuple[FeatureBlock, ...]
    colour: bool


def choose_settings(pool: Executor, entries: list[ManifestEntry]) -> FeatureSettings:
    """Look at evenly spread photos: features of colour and of a fine size cost time.

    Colour is noise for a grey camera, and a photo with fewer pixels than the fine size has no finer details.
    """
    step = max(1, len(entries) // SAMPLE_SIZE)
    looks = list(pool.map(_look, [entry.location for entry in entries[::step]]))
    coloured, large = (sum(flags) for flags in zip(*looks, strict=True))
    blocks = [block for block in FeatureBlock if block is not FeatureBlock.FINE or 2 * large > len(looks)]
    return FeatureSettings(tuple(blocks), coloured > MIN_COLOUR_SHARE * len(looks))


def extract_all(
    pool: Executor,
    entries: list[ManifestEntry],
    settings: FeatureSettings,
    progress: Callable[[int], None],
) -> ExtractedFeatures:
    """Extract the features and the fingerprint of every photo.

    `progress` receives the number of photos that were processed.
    """
    extracted = ExtractedFeatures(settings.blocks, {}, {})
    locations = [entry.location for entry in entries]
    results = pool.map(partial(_extract, settings), locations, chunksize=CHUNK_SIZE)
    for index, result in enumerate(results):
        if result is not None:
            extracted.features[index], extracted.fingerprints[index] = result
        progress(index + 1)
    return extracted


def _read(location: S3Location) -> bytes:
    assert _storage is not None  # noqa: S101
    return _storage.read(location, MAX_BYTES_IN_S3)


def _look(location: S3Location) -> tuple[bool, bool]:
    """Return two flags: the photo has colour, and it has the pixels of the fine size."""
    try:
        data = _read(location)
        with open_photo(data) as photo:
            large = photo.image.width * photo.image.height >= FINE_PIXELS
        return decode_photo(data).has_colour, large
    except (PhotoError, ServiceError):
        return False, False


def _extract(
    settings: FeatureSettings, location: S3Location
) -> tuple[list[FeatureVector], Fingerprint] | None:
    """Return None for a missing or unreadable photo. Raise ServiceError if S3 itself fails."""
    try:
        data = _read(location)
        return extract_blocks(data, settings.blocks, settings.colour), compute_fingerprint(data)
    except PhotoError:
        return None
    except ServiceError as error:
        if error.code == "InternalServerError":
            raise
        return None
