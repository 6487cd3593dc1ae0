"""No history violates an invariant, and every wrong variant of the product does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.__main__ import run_histories
from tests.proof.mutants import MUTANTS, Mutant, apply_mutant
from tests.proof.random_histories import RandomHistory

ROOT = Path(__file__).parents[2]
HISTORIES, PARTS = 560, 2
MAX_HISTORIES_PER_MUTANT = 600
# A mutant that raises one of these no longer fits the product: it fails by itself, not by its missing guard.
PROGRAMMING_ERRORS = (AttributeError, ImportError, NameError, TypeError)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_history_violates_an_invariant(part: int) -> None:
    """`python -m tests.proof` runs many more."""
    size = HISTORIES // PARTS

    _, faults, violations = run_histories(range(part * size, (part + 1) * size), "")

    assert violations == []
    assert faults > size


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.__name__ for mutant in MUTANTS])
def test_every_wrong_variant_is_detected(mutant: Mutant) -> None:
    with apply_mutant(mutant):
        """Its targets exist."""
    for seed in range(MAX_HISTORIES_PER_MUTANT):
        try:
            with apply_mutant(mutant):
                RandomHistory(seed).run()
        except PROGRAMMING_ERRORS:
            raise
        except Exception:
            return
    pytest.fail(f"{mutant.__name__} survived {MAX_HISTORIES_PER_MUTANT} histories")


def test_the_same_seed_gives_the_same_history() -> None:
    command = [sys.executable, "-m", "tests.proof", "--seed", "11", "--log"]

    first, second = (
        subprocess.run(
            command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        for seed in ("1", "2")
    )

    assert len(first.stdout.splitlines()) > 10
    assert first.stdout == second.stdout
