"""`partcheck demo` ends with its table although its processes are killed, and a killed demo can be run again.

PARTCHECK_TEST_KILLS is the number of demos with other random seconds.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.processes import process_tree
from local.ports import Ports

KILLS = int(os.environ.get("PARTCHECK_TEST_KILLS", "1"))
TIMEOUT_SECONDS = 900  # An idle machine needs half a minute.
PHOTOS = 6
MESSAGES = (
    "Starting the local AWS",
    "Creating buckets",
    "Starting the review app",
    "Training model",
    "Model ",
)
SERVICES = ("local.ministack", "custom_labels", "local.step_functions", "review_app")

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(2 * TIMEOUT_SECONDS)]


class DemoProcess:
    """A demo in a process of its own. `on_message` is called with each line of its progress."""

    def __init__(self, state_dir: Path) -> None:
        port = str(Ports.find_free().aws)
        options = ("--train", "40", "--photos", str(PHOTOS), "--json")
        command = [sys.executable, "-m", "cli.main", "--state-dir", str(state_dir), "--port", port]
        self.process = subprocess.Popen(
            [*command, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.messages: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr
        with self.process.stderr as stderr:
            for line in stderr:
                with self._changed:
                    self.messages.append(line)
                    self._changed.notify_all()
        with self._changed:
            self.messages.append("")
            self._changed.notify_all()

    def wait_for(self, beginning: str) -> bool:
        """Wait for a line of the progress; False if the demo ended without it."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._has_printed(beginning) or "" in self.messages, TIMEOUT_SECONDS
            )
            return self._has_printed(beginning)

    def _has_printed(self, beginning: str) -> bool:
        return any(message.startswith(beginning) for message in self.messages)

    def kill_service(self, module: str) -> bool:
        """Kill the service of this module; False if it does not run."""
        for process in process_tree(self.process.pid):
            with suppress(OSError):
                arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode().split("\0")
                if module in arguments and process.pid != self.process.pid:
                    os.kill(process.pid, signal.SIGKILL)
                    return True
        return False

    def result(self) -> dict[str, Any]:
        """Return the printed document. The demo must end without an error."""
        output = self.end()
        assert self.process.returncode == 0, "".join(self.messages)
        document: dict[str, Any] = json.loads(output)
        return document

    def end(self) -> str:
        """Wait for the end of the demo, and return its output."""
        assert self.process.stdout
        with self.process.stdout as stdout:
            output = stdout.read()
        self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return output


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_demo_ends_with_its_table_while_each_service_is_killed(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)  # noqa: S311 (chance is meant)
    plan = sorted((rng.randrange(len(MESSAGES)), rng.uniform(0, 4), module) for module in SERVICES)
    demo = DemoProcess(tmp_path)
    killed = []

    for message, seconds, module in plan:
        if demo.wait_for(MESSAGES[message]):
            time.sleep(seconds)
            killed += [module] * demo.kill_service(module)

    document = demo.result()
    assert len(document["photos"]) == sum(document["verdicts"].values()) >= PHOTOS
    assert killed


@pytest.mark.parametrize("message", ["Creating buckets", "Training model"])
def test_a_killed_demo_can_be_run_again(message: str, tmp_path: Path) -> None:
    first = DemoProcess(tmp_path)
    assert first.wait_for(message)
    first.process.kill()
    first.end()

    again = DemoProcess(tmp_path)

    if message == "Training model":
        assert len(again.result()["photos"]) >= PHOTOS
    else:
        assert again.wait_for("Training model"), "".join(again.messages)
        again.process.send_signal(signal.SIGINT)
        again.end()
