"""The pool of training processes: starts one process for each training and reports its outcome."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from custom_labels.training_job import TrainingInput, TrainingOutcome, read_outcome, write_input

INTERRUPTED_MESSAGE = (
    "Training was interrupted, because the service stopped. Train the model again under a new version name."
)
SHUTDOWN_TIMEOUT_SECONDS = 2

OutcomeCallback = Callable[[str, TrainingOutcome], None]


class TrainingPool:
    """The trainings in progress.

    `on_outcome` receives the model's ARN and the outcome of each training once, from a thread of its own.
    """

    def __init__(self, on_outcome: OutcomeCallback) -> None:
        self._on_outcome = on_outcome
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._progress: dict[str, str] = {}
        self._watchers: list[threading.Thread] = []
        self._closing = False

    def start(self, arn: str, folder: Path, inputs: TrainingInput) -> None:
        """Write the input to the model's folder and start its training."""
        write_input(folder, inputs)
        with (folder / "training.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "custom_labels.training_process", str(folder), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(),
            )
        self._processes[arn] = process
        watcher = threading.Thread(
            target=self._watch, args=(arn, process, folder), name="training", daemon=True
        )
        self._watchers.append(watcher)
        watcher.start()

    def progress_message(self, arn: str) -> str:
        """Return the last progress that the training printed."""
        return self._progress.get(arn, "Training has begun.")

    def close(self) -> None:
        """Terminate all trainings; they are recorded as interrupted."""
        self._closing = True
        for process in list(self._processes.values()):
            process.terminate()
        for watcher in self._watchers:
            watcher.join(SHUTDOWN_TIMEOUT_SECONDS)

    def _watch(self, arn: str, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None  # noqa: S101
        with process.stdout:
            for line in process.stdout:
                self._progress[arn] = line.strip()
        code = process.wait()
        del self._processes[arn]
        self._on_outcome(arn, read_outcome(folder) or self._failure(code, folder))
        self._progress.pop(arn, None)

    def _failure(self, code: int, folder: Path) -> TrainingOutcome:
        if self._closing:
            return TrainingOutcome(False, INTERRUPTED_MESSAGE)
        ending = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        log = folder / "training.log"
        last_line = (log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
        return TrainingOutcome(
            False, f"The training process {ending}. Its log ({log}) ends with: {last_line}"
        )


def _environment() -> dict[str, str]:
    """Return an environment with one thread of linear algebra, in which Python finds this package."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return os.environ | threads | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def delete_model_folder(folder: Path) -> None:
    """Delete a model's folder if it exists."""
    shutil.rmtree(folder, ignore_errors=True)
