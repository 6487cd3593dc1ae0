"""Live through random histories of the line, and say which of them broke a promise.

    python -m tests.proof --histories 20000 --seed 1

The same seed gives the same history: `--seed 7 --histories 1 --log` tells what happened in it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.proof.histories import History
from tests.proof.mutants import MUTANTS, applied

BATCH = 50


def broken(seeds: range, mutant: str) -> tuple[int, int, list[str]]:
    """How many photos and misfortunes some histories had, and what they broke."""
    uploads, misfortunes, violations = 0, 0, []
    variant = next((one for one in MUTANTS if one.__name__ == mutant), None)
    for seed in seeds:
        history = History(seed)
        try:
            with applied(variant):
                history.live()
        except Exception as error:
            violations.append(f"seed {seed}: {type(error).__name__}: {error}")
        uploads += len(history.promises.uploads)
        misfortunes += sum(history.world.happened.values())
    return uploads, misfortunes, violations


def batches(first: int, count: int) -> Iterator[range]:
    for start in range(first, first + count, BATCH):
        yield range(start, min(start + BATCH, first + count))


def tell(seed: int, mutant: str) -> None:
    """One history, step by step."""
    history = History(seed)
    try:
        with applied(next((one for one in MUTANTS if one.__name__ == mutant), None)):
            history.live()
    finally:
        print("\n".join(history.world.log))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="the first one's seed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mutant", default="", help="run a wrong variant of the product instead")
    parser.add_argument("--log", action="store_true", help="tell the first history step by step")
    wanted = parser.parse_args()
    if wanted.log:
        tell(wanted.seed, wanted.mutant)
        return 0
    began, uploads, misfortunes, bad = time.monotonic(), 0, 0, 0
    with ProcessPoolExecutor(wanted.workers) as pool:
        work = list(batches(wanted.seed, wanted.histories))
        for done in pool.map(broken, work, [wanted.mutant] * len(work)):
            uploads, misfortunes, bad = uploads + done[0], misfortunes + done[1], bad + len(done[2])
            for violation in done[2]:
                print(violation[:2000], flush=True)
    print(
        f"{wanted.histories:,} histories (seeds {wanted.seed}–{wanted.seed + wanted.histories - 1}), "
        f"{uploads:,} photos, {misfortunes:,} misfortunes, {bad:,} violations: "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
