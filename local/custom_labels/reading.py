"""Photos to statistics, on every processor at once: the long part of a training."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from local.custom_labels.allocator import keep_freed_buffers
from local.custom_labels.faults import Fault
from local.custom_labels.features import Features, fault_statistics
from local.custom_labels.lifeline import hold_on_to
from local.custom_labels.manifest import Entry
from local.custom_labels.objects import Objects, Place
from local.custom_labels.photos import MOST_BYTES_IN_S3, read_photo
from local.custom_labels.png import bare
from local.data_sets.fingerprints import fingerprint

PROBES = 24
COLOURED_SHARE = 0.1
PHOTOS_AT_A_TIME = 4

# Set once in each process by _begin; a pool's workers have no other memory between two photos.
_objects: Objects | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured of each photo that could be read, by its place in the list that was asked for."""

    features: dict[int, Features]
    prints: dict[int, Features]

    def array(self, wanted: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([self.features[place] for place in wanted], dtype=np.float64)

    def printed(self, wanted: list[int]) -> Features | None:
        """The fingerprints, where they were asked for."""
        return np.array([self.prints[place] for place in wanted]) if self.prints else None


@contextmanager
def reading_room(objects: Objects) -> Iterator[Executor]:
    """As many processes as there are processors; each gives up when this one is gone."""
    with ProcessPoolExecutor(
        os.cpu_count(), initializer=_begin, initargs=(objects.region, objects.endpoint, os.getpid())
    ) as pool:
        pool.submit(os.getpid).result()
        yield pool


def _begin(region: str, endpoint: str | None, parent: int) -> None:
    global _objects
    _objects = Objects(region, endpoint)
    keep_freed_buffers()
    hold_on_to(parent)


def have_colour(pool: Executor, entries: list[Entry]) -> bool:
    """Look at a few photos, evenly spread: statistics of colour cost time and are noise for a grey camera."""
    step = max(1, len(entries) // PROBES)
    answers = list(pool.map(_is_coloured, [entry.place for entry in entries[::step]]))
    return sum(answers) > COLOURED_SHARE * len(answers)


def read_all(
    pool: Executor, entries: list[Entry], colour: bool, printed: bool, progress: Callable[[int], None]
) -> Reading:
    """Measure every photo; take its fingerprint too where look-alikes are to be found."""
    reading = Reading({}, {})
    places = [entry.place for entry in entries]
    measured = pool.map(partial(_measure, colour, printed), places, chunksize=PHOTOS_AT_A_TIME)
    for number, numbers in enumerate(measured):
        if numbers is not None:
            statistics, look = numbers
            reading.features[number] = statistics
            if look is not None:
                reading.prints[number] = look
        progress(number + 1)
    return reading


def _fetch(place: Place) -> bytes:
    assert _objects is not None  # noqa: S101
    return _objects.read(place, MOST_BYTES_IN_S3)


def _is_coloured(place: Place) -> bool:
    try:
        return read_photo(_fetch(place)).has_colour
    except Fault:
        return False


def _measure(colour: bool, printed: bool, place: Place) -> tuple[Features, Features | None] | None:
    """None for a photo that is missing or unreadable; trouble with S3 itself is not the photo's fault."""
    try:
        data = _fetch(place)
        statistics = fault_statistics(read_photo(data).planes(colour))
        return statistics, fingerprint(bare(data)) if printed else None
    except Fault as fault:
        if fault.code == "InternalServerError":
            raise
        return None
