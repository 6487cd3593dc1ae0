"""Run random histories of a simulated environment, and report those that violate an invariant.

    python -m tests.proof --histories 20000 --seed 1

The same seed gives the same history. `--seed 7 --histories 1 --log` prints its log.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.proof.mutants import MUTANTS, Mutant, apply_mutant
from tests.proof.random_histories import RandomHistory

BATCH = 50


def run_histories(seeds: range, mutant: str) -> tuple[int, int, list[str]]:
    """Run histories, and return the number of photos, the number of faults and the violations."""
    uploads, faults, violations = 0, 0, []
    for seed in seeds:
        history = RandomHistory(seed)
        try:
            with apply_mutant(_find_mutant(mutant)):
                history.run()
        except Exception as error:
            violations.append(f"seed {seed}: {type(error).__name__}: {error}")
        uploads += len(history.invariants.uploads)
        faults += sum(history.simulation.fault_counts.values())
    return uploads, faults, violations


def _find_mutant(name: str) -> Mutant | None:
    return next((mutant for mutant in MUTANTS if mutant.__name__ == name), None)


def batches(first: int, count: int) -> Iterator[range]:
    """Yield the seeds in batches, one batch for each task of the pool."""
    for start in range(first, first + count, BATCH):
        yield range(start, min(start + BATCH, first + count))


def print_history(seed: int, mutant: str) -> None:
    """Run one history and print its log."""
    history = RandomHistory(seed)
    try:
        with apply_mutant(_find_mutant(mutant)):
            history.run()
    finally:
        print("\n".join(history.simulation.log))


def main() -> int:
    """Parse the arguments, run the histories and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--histories", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first history")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mutant", default="", help="run this wrong variant of the product instead")
    parser.add_argument("--log", action="store_true", help="print the log of the first history")
    options = parser.parse_args()
    if options.log:
        print_history(options.seed, options.mutant)
        return 0
    began, uploads, faults, violations = time.monotonic(), 0, 0, 0
    with ProcessPoolExecutor(options.workers) as pool:
        seeds = list(batches(options.seed, options.histories))
        for result in pool.map(run_histories, seeds, [options.mutant] * len(seeds)):
            uploads, faults, violations = uploads + result[0], faults + result[1], violations + len(result[2])
            for violation in result[2]:
                print(violation[:2000], flush=True)
    print(
        f"{options.histories:,} histories (seeds {options.seed}–{options.seed + options.histories - 1}), "
        f"{uploads:,} photos, {faults:,} faults, {violations:,} violations: "
        f"{time.monotonic() - began:.0f} s"
    )
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
