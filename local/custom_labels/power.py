"""Starting and stopping models: the statuses in between, the threads that get them over with, the restart."""

import threading
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

from local.custom_labels.faults import Fault
from local.custom_labels.lifecycle import USES_A_MODEL_SLOT, Status
from local.custom_labels.rehearsal import Rehearsal
from local.custom_labels.serving import Serving
from local.custom_labels.versions import Version, Versions

MOST_RUNNING = 2
MOST_UNITS = 5


class Power:
    """Two models of an account may run; each change of status is recorded before anyone is told of it."""

    def __init__(
        self, versions: Versions, serving: Serving, rehearsal: Rehearsal, model_file: Callable[[str], Path]
    ) -> None:
        self._versions = versions
        self._serving = serving
        self._rehearsal = rehearsal
        self._model_file = model_file
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, arn: str, least: int, most: int | None) -> Version:
        if max(least, most or 0) > MOST_UNITS:
            raise Fault("LimitExceededException", f"A model may use at most {MOST_UNITS} inference units")
        if most is not None and most < least:
            raise Fault("InvalidParameterException", "MaxInferenceUnits is less than MinInferenceUnits")
        with self._versions.store.transaction():
            units = {"MinInferenceUnits": least} | ({"MaxInferenceUnits": most} if most else {})
            version = self._versions.advance(arn, Status.STARTING, "The model is being started.", **units)
            if len(self._versions.having(*USES_A_MODEL_SLOT)) > MOST_RUNNING:
                raise Fault("LimitExceededException", f"At most {MOST_RUNNING} models may run at once")
        self._later(self._come_up, arn)
        return version

    def stop(self, arn: str) -> Version:
        version = self._versions.advance(arn, Status.STOPPING, "The model is being stopped.")
        self._serving.unload(arn)
        self._later(self._go_down, arn)
        return version

    def recover(self) -> None:
        """A model that was running runs again; one that was on its way arrives."""
        for version in self._versions.having(Status.STOPPING):
            self._versions.advance(version.arn, Status.STOPPED, "The model is stopped.")
        for version in self._versions.having(Status.RUNNING):
            self._serving.announce(version.arn)
            self._later(self._come_back, version.arn)
        for version in self._versions.having(Status.STARTING):
            self._later(self._come_up, version.arn)

    def close(self) -> None:
        self._closing.set()
        self.join(1)

    def join(self, timeout: float | None = None) -> None:
        """Wait until every model has come up or gone down."""
        for thread in list(self._threads):
            thread.join(timeout)

    def _later(self, work: Callable[[str], None], arn: str) -> None:
        thread = threading.Thread(target=work, args=(arn,), name=work.__name__, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _come_up(self, arn: str) -> None:
        if self._closing.wait(self._rehearsal.delays.start):
            return
        if self._rehearsal.next_start_fails():
            self._versions.advance(arn, Status.FAILED, "The model failed to start, as scripted.")
            return
        if self._load(arn):
            self._versions.advance(arn, Status.RUNNING, "The model is running.")

    def _come_back(self, arn: str) -> None:
        self._load(arn)

    def _load(self, arn: str) -> bool:
        try:
            self._serving.load(arn, self._model_file(arn))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            self._serving.unload(arn)
            self._versions.advance(arn, Status.FAILED, f"The model could not be loaded: {error}")
            return False
        return True

    def _go_down(self, arn: str) -> None:
        if not self._closing.wait(self._rehearsal.delays.stop):
            self._versions.advance(arn, Status.STOPPED, "The model is stopped.")
