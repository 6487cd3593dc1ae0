"""A state folder is claimed by one service at a time."""

import os
from pathlib import Path

import pytest

from local.custom_labels.claims import Taken, claim_state


def test_a_claimed_folder_is_refused_to_others_until_it_is_free(tmp_path: Path) -> None:
    lock = claim_state(tmp_path / "new")
    with pytest.raises(Taken, match="Another service uses"):
        claim_state(tmp_path / "new")
    os.close(lock)
    os.close(claim_state(tmp_path / "new"))
