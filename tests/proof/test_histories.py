"""Whatever dies, sleeps, comes twice or never: no history breaks a promise, and every wrong variant does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.__main__ import broken
from tests.proof.histories import History
from tests.proof.mutants import MUTANTS, Mutant, applied

ROOT = Path(__file__).parents[2]
HISTORIES, PARTS = 500, 2
PATIENCE = 600


@pytest.mark.parametrize("part", range(PARTS))
def test_no_history_breaks_a_promise(part: int) -> None:
    """`python -m tests.proof` lives through many more."""
    size = HISTORIES // PARTS

    _, misfortunes, violations = broken(range(part * size, (part + 1) * size), "")

    assert violations == []
    assert misfortunes > size


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.__name__ for mutant in MUTANTS])
def test_a_wrong_variant_is_found_out(mutant: Mutant) -> None:
    for seed in range(PATIENCE):
        try:
            with applied(mutant):
                History(seed).live()
        except Exception:
            return
    pytest.fail(f"{mutant.__name__} survived {PATIENCE} histories")


def test_a_seed_tells_the_same_history_each_time() -> None:
    command = [sys.executable, "-m", "tests.proof", "--seed", "11", "--log"]

    first, second = (
        subprocess.run(
            command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        for seed in ("1", "2")
    )

    assert len(first.stdout.splitlines()) > 10
    assert first.stdout == second.stdout
