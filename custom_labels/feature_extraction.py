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
from vision.features import FeatureVector, extract_features
from vision.fingerprints import Fingerprint, compute_fingerprint
from vision.photo_decoding import MAX_BYTES_IN_S3, PhotoError, decode_photo

COLOUR_SAMPLE_SIZE = 24
MIN_COLOUR_SHARE = 0.1
CHUNK_SIZE = 4

# Set once in each worker by _initialize; workers keep nothing else between two photos.
_storage: S3Storage | None = None


@dataclass(frozen=True, slots=True)
class ExtractedFeatures:
    """Features and fingerprints of the photos that could be read, by their index in the list of entries."""

    features: dict[int, FeatureVector]
    fingerprints: dict[int, Fingerprint]

    def feature_matrix(self, indices: list[int]) -> NDArray[np.float64]:
        """Return the features of the photos (photos × features)."""
        return np.array([self.features[index] for index in indices], dtype=np.float64)

    def fingerprint_matrix(self, indices: list[int]) -> Fingerprint | None:
        """Return the fingerprints (photos × values), or None if they were not computed."""
        return np.array([self.fingerprints[index] for index in indices]) if self.fingerprints else None


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


def detect_colour(pool: Executor, entries: list[ManifestEntry]) -> bool:
    """Sample evenly spread photos: colour features cost time and are noise for a grey camera."""
    step = max(1, len(entries) // COLOUR_SAMPLE_SIZE)
    samples = list(pool.map(_has_colour, [entry.location for entry in entries[::step]]))
    return sum(samples) > MIN_COLOUR_SHARE * len(samples)


def extract_all(
    pool: Executor,
    entries: list[ManifestEntry],
    colour: bool,
    with_fingerprints: bool,
    progress: Callable[[int], None],
) -> ExtractedFeatures:
    """Extract the features of every photo, with fingerprints if near-duplicates are to be found.

    `progress` receives the number of photos that were processed.
    """
    extracted = ExtractedFeatures({}, {})
    locations = [entry.location for entry in entries]
    results = pool.map(partial(_extract, colour, with_fingerprints), locations, chunksize=CHUNK_SIZE)
    for index, result in enumerate(results):
        if result is not None:
            features, fingerprint = result
            extracted.features[index] = features
            if fingerprint is not None:
                extracted.fingerprints[index] = fingerprint
        progress(index + 1)
    return extracted


def _read(location: S3Location) -> bytes:
    assert _storage is not None  # noqa: S101
    return _storage.read(location, MAX_BYTES_IN_S3)


def _has_colour(location: S3Location) -> bool:
    try:
        return decode_photo(_read(location)).has_colour
    except (PhotoError, ServiceError):
        return False


def _extract(
    colour: bool, with_fingerprint: bool, location: S3Location
) -> tuple[FeatureVector, Fingerprint | None] | None:
    """Return None for a missing or unreadable photo. Raise ServiceError if S3 itself fails."""
    try:
        data = _read(location)
        features = extract_features(decode_photo(data).planes(colour))
        return features, compute_fingerprint(data) if with_fingerprint else None
    except PhotoError:
        return None
    except ServiceError as error:
        if error.code == "InternalServerError":
            raise
        return None
