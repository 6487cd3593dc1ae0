"""Starts a process for each training and records how it ended, whatever that was."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from local.custom_labels.jobs import Job, Outcome, read_outcome, write_job

INTERRUPTED = (
    "Training was interrupted, because the service stopped. Train the model again under a new version name."
)
SECONDS_TO_LEAVE = 2

Ended = Callable[[str, Outcome], None]


class Workshop:
    """The trainings in progress; ended is called once for each, from a thread of its own."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._trainings: dict[str, subprocess.Popen[str]] = {}
        self._progress: dict[str, str] = {}
        self._watchers: list[threading.Thread] = []
        self._closing = False

    def begin(self, arn: str, folder: Path, job: Job) -> None:
        write_job(folder, job)
        with (folder / "training.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "local.custom_labels.trainer", str(folder), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(),
            )
        self._trainings[arn] = process
        watcher = threading.Thread(
            target=self._watch, args=(arn, process, folder), name="training", daemon=True
        )
        self._watchers.append(watcher)
        watcher.start()

    def progress(self, arn: str) -> str:
        return self._progress.get(arn, "Training has begun.")

    def close(self) -> None:
        """End every training now; they are recorded as interrupted."""
        self._closing = True
        for process in list(self._trainings.values()):
            process.terminate()
        for watcher in self._watchers:
            watcher.join(SECONDS_TO_LEAVE)

    def _watch(self, arn: str, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None  # noqa: S101
        with process.stdout:
            for line in process.stdout:
                self._progress[arn] = line.strip()
        code = process.wait()
        del self._trainings[arn]
        self._ended(arn, read_outcome(folder) or self._failure(code, folder))
        self._progress.pop(arn, None)

    def _failure(self, code: int, folder: Path) -> Outcome:
        if self._closing:
            return Outcome(False, INTERRUPTED)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        log = folder / "training.log"
        last = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
        return Outcome(False, f"The training process {how}. Its log ({log}) ends with: {last}")


def _environment() -> dict[str, str]:
    """One thread of linear algebra for each process, and this very package whatever the working directory."""
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return os.environ | threads | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
