"""The service's account: its records, files, running models and trainings."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from custom_labels.arns import ArnFactory
from custom_labels.database import Database, Row
from custom_labels.dataset_repository import DatasetRepository
from custom_labels.errors import ServiceError
from custom_labels.fault_injection import FaultInjector
from custom_labels.lifecycle import VersionStatus
from custom_labels.model_runner import ModelRunner
from custom_labels.rate_limits import RateLimits
from custom_labels.running_models import RunningModels
from custom_labels.s3_storage import S3Storage
from custom_labels.training_job import MODEL_FILE, TrainingOutcome, read_outcome
from custom_labels.training_pool import INTERRUPTED_MESSAGE, TrainingPool, delete_model_folder
from custom_labels.version_repository import VersionRepository

SHUTDOWN_TIMEOUT_SECONDS = 2


@dataclass(kw_only=True)
class CustomLabelsAccount:
    """The single account of the service, opened on a state folder; recover() must run before requests."""

    state_dir: Path
    region: str
    endpoint: str | None = None
    throttle: bool = False
    fault_injector: FaultInjector = field(default_factory=FaultInjector)
    running_models: RunningModels = field(default_factory=RunningModels)

    def __post_init__(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._threads: list[threading.Thread] = []
        self.database = Database(self.state_dir / "custom-labels.sqlite3")
        self.versions = VersionRepository(self.database)
        self.datasets = DatasetRepository(self.database)
        self.rate_limits = RateLimits(self.throttle)
        self.storage = S3Storage(self.region, self.endpoint)
        self.training_pool = TrainingPool(self.record_training_outcome)
        self.model_runner = ModelRunner(
            self.versions, self.running_models, self.fault_injector, self.model_file
        )

    @cached_property
    def arn_factory(self) -> ArnFactory:
        return ArnFactory(self.region, self.resource_exists)

    def resource_exists(self, arn: str) -> bool:
        tables = ("project", "dataset", "version")
        return any(
            self.database.fetch_one(f"SELECT 1 FROM {table} WHERE arn = ?", arn)  # noqa: S608
            for table in tables
        )

    def model_folder(self, version_arn: str) -> Path:
        return self.state_dir / "models" / hashlib.sha256(version_arn.encode()).hexdigest()[:24]

    def model_file(self, version_arn: str) -> Path:
        return self.model_folder(version_arn) / MODEL_FILE

    def get_project(self, arn: str) -> Row:
        """Return the project's row. Raise ServiceError if it does not exist."""
        row = self.database.fetch_one("SELECT * FROM project WHERE arn = ?", arn)
        if row is None:
            raise ServiceError("ResourceNotFoundException", f"The project {arn} does not exist")
        return row

    def record_training_outcome(self, arn: str, outcome: TrainingOutcome) -> None:
        """Set the model's status and add the outcome's details to its description."""
        status = VersionStatus.TRAINING_COMPLETED if outcome.completed else VersionStatus.TRAINING_FAILED
        details = self.versions.get(arn).details
        for role in ("TrainingDataResult", "TestingDataResult"):
            if role in outcome.details:
                outcome.details[role] = details.get(role, {}) | outcome.details[role]
        self.versions.change_status(arn, status, outcome.message, **outcome.details)

    def recover(self) -> None:
        """Bring resources that a stop or a crash left in a transitional status to a valid one."""
        for version in self.versions.list_by_status(VersionStatus.TRAINING_IN_PROGRESS):
            outcome = read_outcome(self.model_folder(version.arn))
            self.record_training_outcome(version.arn, outcome or TrainingOutcome(False, INTERRUPTED_MESSAGE))
        for version in self.versions.list_by_status(VersionStatus.COPYING_IN_PROGRESS):
            message = "Copying was interrupted. Copy again."
            self.versions.change_status(version.arn, VersionStatus.COPYING_FAILED, message)
        for version in self.versions.list_by_status(VersionStatus.DELETING):
            delete_model_folder(self.model_folder(version.arn))
            self.versions.delete(version.arn)
        self.model_runner.recover()

    def run_in_background(self, work: Callable[[], None]) -> None:
        """Run work in a thread that the response does not wait for."""
        thread = threading.Thread(target=work, name="background", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        self.training_pool.close()
        self.model_runner.close()
        self.wait_for_background_work(SHUTDOWN_TIMEOUT_SECONDS)
        self.database.close()

    def wait_for_background_work(self, timeout: float | None = None) -> None:
        """Wait for the background threads, each at most `timeout` seconds."""
        for thread in self._threads:
            thread.join(timeout)
