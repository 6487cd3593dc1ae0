import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import lock
from local.lock import lock_state_dir
from local.ports import Ports
from workflow.errors import ConfigurationError

PORTS = Ports.from_base(15_000)


def test_a_second_environment_in_one_directory_is_refused_with_the_holder(tmp_path: Path) -> None:
    other = Ports.from_base(16_000)

    with (
        lock_state_dir(tmp_path, PORTS),
        pytest.raises(ConfigurationError) as refusal,
        lock_state_dir(tmp_path, other),
    ):
        pass

    assert str(refusal.value) == (
        f"An environment already runs on ports 15000–15003 (process {os.getpid()}); "
        "stop it with Ctrl-C there, or choose others with --port and --state-dir"
    )


def test_a_lock_can_be_acquired_again_after_its_release(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_state_dir(tmp_path, PORTS):
            assert lock.is_locked(tmp_path)
        assert not lock.is_locked(tmp_path)


def test_services_of_a_killed_environment_keep_its_directory_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exited = subprocess.Popen([sys.executable, "-c", ""])
    exited.wait()
    monkeypatch.setattr(lock, "SHUTDOWN_SECONDS", 0.3)

    with lock_state_dir(tmp_path, PORTS):
        (tmp_path / "lock").write_text(f"{exited.pid} 15000\n")
        with (
            pytest.raises(ConfigurationError, match="of a killed environment still use"),
            lock_state_dir(tmp_path, PORTS),
        ):
            pass


def test_the_state_directory_is_ignored_by_git(tmp_path: Path) -> None:
    with lock_state_dir(tmp_path / "state", PORTS):
        assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


def test_a_directory_that_was_never_a_state_directory_is_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "thesis.txt").touch()
    (tmp_path / ".gitignore").write_text("*.pyc\n")

    with (
        pytest.raises(ConfigurationError, match="it contains 'tmp'; choose"),
        lock_state_dir(tmp_path, PORTS),
    ):
        pass

    assert (tmp_path / "tmp" / "thesis.txt").exists()
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"


def test_files_of_the_demo_and_of_custom_labels_do_not_prevent_the_lock(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "custom-labels").mkdir()

    with lock_state_dir(tmp_path, PORTS):
        assert lock.is_locked(tmp_path)
