"""How well and how fast the leakage guard works: python -m benchmarks.leakage [PARTS]."""

import functools
import sys
import time

import numpy as np

from local.data_sets.lookalikes import compare
from local.data_sets.photos import LabelledPhoto
from local.sample_parts import Product, sample_parts
from tests.copies import COPIES, opened

COPIED_EVERY = 20


def measure(product: Product, count: int) -> None:
    """Plant copies of every twentieth part, compare everything with everything, print the figures."""
    rng = np.random.default_rng(7)
    contents = [part.content for part in sample_parts(count, seed=31, product=product)]
    made = [(part, kind) for part in range(0, count, COPIED_EVERY) for kind in COPIES]
    contents += [COPIES[kind](opened(contents[part]), rng) for part, kind in made]
    photos = [
        LabelledPhoto(str(place), "ok", functools.partial(bytes, content))
        for place, content in enumerate(contents)
    ]
    begun = time.perf_counter()
    comparison = compare(photos)
    seconds = time.perf_counter() - begun
    found = {(pair.first, pair.second) for pair in comparison.pairs}
    part_of = [*range(count), *(part for part, _ in made)]
    wronged = {
        place
        for pair in comparison.pairs
        if part_of[pair.first] != part_of[pair.second]
        for place in (pair.first, pair.second)
    }
    print(f"{product}: {len(contents):,} photos compared in {seconds:.1f} s")
    for kind in COPIES:
        places = [(part, count + number) for number, (part, one) in enumerate(made) if one == kind]
        recall = sum(place in found for place in places) / len(places)
        print(f"  {kind.replace('_', ' '):20} {recall:7.1%} of {len(places)} found")
    print(f"  {'false alarms':20} {len(wronged) / len(contents):7.2%} of all photos")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1540
    measure(Product.IMPELLER, count)
    measure(Product.FLANGE, count // 4)
    measure(Product.GEAR, count // 4)


if __name__ == "__main__":
    main()
