"""Starting and stopping models: transitional statuses, the threads that complete them, recovery."""

import threading
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

from custom_labels.errors import ServiceError
from custom_labels.fault_injection import FaultInjector
from custom_labels.lifecycle import COUNTED_AS_RUNNING, VersionStatus
from custom_labels.running_models import RunningModels
from custom_labels.version_repository import VersionRecord, VersionRepository

MAX_RUNNING_MODELS = 2
MAX_INFERENCE_UNITS = 5


class ModelRunner:
    """Starts and stops models; every status is recorded before the response.

    Two models of an account may run at once.
    """

    def __init__(
        self,
        versions: VersionRepository,
        running_models: RunningModels,
        fault_injector: FaultInjector,
        model_file: Callable[[str], Path],
    ) -> None:
        self._versions = versions
        self._running_models = running_models
        self._fault_injector = fault_injector
        self._model_file = model_file
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, arn: str, min_units: int, max_units: int | None) -> VersionRecord:
        """Set the status to STARTING and load the model in a thread. Raise ServiceError."""
        if max(min_units, max_units or 0) > MAX_INFERENCE_UNITS:
            message = f"A model may use at most {MAX_INFERENCE_UNITS} inference units"
            raise ServiceError("LimitExceededException", message)
        if max_units is not None and max_units < min_units:
            message = "MaxInferenceUnits is less than MinInferenceUnits"
            raise ServiceError("InvalidParameterException", message)
        with self._versions.database.transaction():
            units = {"MinInferenceUnits": min_units}
            if max_units:
                units["MaxInferenceUnits"] = max_units
            version = self._versions.change_status(
                arn, VersionStatus.STARTING, "The model is being started.", **units
            )
            running = [other.arn for other in self._versions.list_by_status(*COUNTED_AS_RUNNING)]
            if len(running) > MAX_RUNNING_MODELS:
                others = " and ".join(other for other in running if other != arn)
                message = (
                    f"At most {MAX_RUNNING_MODELS} models may run at once: {others} do; stop one of them"
                )
                raise ServiceError("LimitExceededException", message)
        self._run_in_thread(self._finish_start, arn)
        return version

    def stop(self, arn: str) -> VersionRecord:
        """Set the status to STOPPING and unload the model. Raise ServiceError."""
        version = self._versions.change_status(arn, VersionStatus.STOPPING, "The model is being stopped.")
        self._running_models.unload(arn)
        self._run_in_thread(self._finish_stop, arn)
        return version

    def recover(self) -> None:
        """Load running models again, and complete the starts and stops that were interrupted."""
        for version in self._versions.list_by_status(VersionStatus.STOPPING):
            self._versions.change_status(version.arn, VersionStatus.STOPPED, "The model is stopped.")
        for version in self._versions.list_by_status(VersionStatus.RUNNING):
            self._running_models.expect(version.arn)
            self._run_in_thread(self._load_again, version.arn)
        for version in self._versions.list_by_status(VersionStatus.STARTING):
            self._run_in_thread(self._finish_start, version.arn)

    def close(self) -> None:
        self._closing.set()
        self.wait(1)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until every start and stop is complete, each at most `timeout` seconds."""
        for thread in list(self._threads):
            thread.join(timeout)

    def _run_in_thread(self, work: Callable[[str], None], arn: str) -> None:
        thread = threading.Thread(target=work, args=(arn,), name=work.__name__, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _finish_start(self, arn: str) -> None:
        if self._closing.wait(self._fault_injector.delays.start):
            return
        if self._fault_injector.take_start_failure():
            message = "The model failed to start, because of an injected fault."
            self._versions.change_status(arn, VersionStatus.FAILED, message)
            return
        if self._load(arn):
            self._versions.change_status(arn, VersionStatus.RUNNING, "The model is running.")

    def _load_again(self, arn: str) -> None:
        self._load(arn)

    def _load(self, arn: str) -> bool:
        try:
            self._running_models.load(arn, self._model_file(arn))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            self._running_models.unload(arn)
            message = f"The model could not be loaded: {error}"
            self._versions.change_status(arn, VersionStatus.FAILED, message)
            return False
        return True

    def _finish_stop(self, arn: str) -> None:
        if not self._closing.wait(self._fault_injector.delays.stop):
            self._versions.change_status(arn, VersionStatus.STOPPED, "The model is stopped.")
