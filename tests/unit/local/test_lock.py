import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import lock
from local.lock import locked
from local.ports import Ports
from workflow.errors import ConfigurationError

PORTS = Ports.at(15_000)


def test_a_second_line_in_one_directory_learns_who_has_it(tmp_path: Path) -> None:
    other = Ports.at(16_000)

    with locked(tmp_path, PORTS), pytest.raises(ConfigurationError) as refusal, locked(tmp_path, other):
        pass

    assert str(refusal.value) == (
        f"A line already runs on ports 15000–15003 (process {os.getpid()}); "
        "stop it with Ctrl-C there, or choose others with --port and --home"
    )


def test_a_lock_can_be_taken_again_after_its_end(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path, PORTS):
            assert lock.is_held(tmp_path)
        assert not lock.is_held(tmp_path)


def test_services_of_a_killed_line_keep_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(lock, "LAST_WILL_SECONDS", 0.3)

    with locked(tmp_path, PORTS):
        (tmp_path / "lock").write_text(f"{gone.pid} 15000\n")
        with pytest.raises(ConfigurationError, match="that was killed still hold"), locked(tmp_path, PORTS):
            pass


def test_state_stays_out_of_version_control(tmp_path: Path) -> None:
    with locked(tmp_path / "home", PORTS):
        assert (tmp_path / "home" / ".gitignore").read_text() == "*\n"


def test_a_directory_that_was_never_a_lines_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "thesis.txt").touch()
    (tmp_path / ".gitignore").write_text("*.pyc\n")

    with (
        pytest.raises(ConfigurationError, match="it holds 'tmp'; choose"),
        locked(tmp_path, PORTS),
    ):
        pass

    assert (tmp_path / "tmp" / "thesis.txt").exists()
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"


def test_what_the_demo_and_the_models_service_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "custom-labels").mkdir()

    with locked(tmp_path, PORTS):
        assert lock.is_held(tmp_path)
