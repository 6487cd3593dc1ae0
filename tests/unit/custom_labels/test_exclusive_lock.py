"""One service at a time uses a state folder."""

import os
from pathlib import Path

import pytest

from custom_labels.exclusive_lock import AlreadyInUse, lock_state_dir


def test_a_locked_folder_is_refused_to_others_until_it_is_free(tmp_path: Path) -> None:
    lock = lock_state_dir(tmp_path / "new")
    with pytest.raises(AlreadyInUse, match="Another service uses"):
        lock_state_dir(tmp_path / "new")
    os.close(lock)
    os.close(lock_state_dir(tmp_path / "new"))
