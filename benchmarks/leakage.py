"""Measure recall, false alarms and speed of the leakage guard."""

import argparse
import functools
import time

import numpy as np

from datasets.labelled_photos import LabelledPhoto
from datasets.near_duplicates import find_near_duplicates
from local.sample_parts import SampleProduct, generate_parts
from tests.copies import ALTERATIONS, decode_grey

COPIED_EVERY = 20


def measure(product: SampleProduct, count: int) -> None:
    """Add copies of every twentieth part, compare all photos, print recall and false alarms."""
    rng = np.random.default_rng(7)
    contents = [part.content for part in generate_parts(count, seed=31, product=product)]
    copies = [(part, kind) for part in range(0, count, COPIED_EVERY) for kind in ALTERATIONS]
    contents += [ALTERATIONS[kind](decode_grey(contents[part]), rng) for part, kind in copies]
    photos = [
        LabelledPhoto(name=str(index), label="ok", read=functools.partial(bytes, content))
        for index, content in enumerate(contents)
    ]
    began = time.perf_counter()
    report = find_near_duplicates(photos)
    seconds = time.perf_counter() - began
    pairs = {(pair.first, pair.second) for pair in report.pairs}
    part_of = [*range(count), *(part for part, _ in copies)]
    wrong = {
        index
        for pair in report.pairs
        if part_of[pair.first] != part_of[pair.second]
        for index in (pair.first, pair.second)
    }
    print(f"{product}: {len(contents):,} photos compared in {seconds:.1f} s")
    for kind in ALTERATIONS:
        planted = [(part, count + number) for number, (part, other) in enumerate(copies) if other == kind]
        recall = sum(pair in pairs for pair in planted) / len(planted)
        print(f"  {kind.replace('_', ' '):20} {recall:7.1%} of {len(planted)} found")
    print(f"  {'false alarms':20} {len(wrong) / len(contents):7.2%} of all photos")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakage", description=__doc__)
    parser.add_argument("parts", type=int, nargs="?", default=1540, help="parts of the first product")
    parts = parser.parse_args().parts
    measure(SampleProduct.IMPELLER, parts)
    measure(SampleProduct.FLANGE, parts // 4)
    measure(SampleProduct.GEAR, parts // 4)


if __name__ == "__main__":
    main()
