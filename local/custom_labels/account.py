"""Everything one account owns: its records, its files, its running models, its trainings."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from local.custom_labels.arns import Namer
from local.custom_labels.datasets import Datasets
from local.custom_labels.faults import Fault
from local.custom_labels.jobs import MODEL, Outcome, read_outcome
from local.custom_labels.lifecycle import Status
from local.custom_labels.objects import Objects
from local.custom_labels.power import Power
from local.custom_labels.rates import Rates
from local.custom_labels.rehearsal import Rehearsal
from local.custom_labels.serving import Serving
from local.custom_labels.store import Row, Store
from local.custom_labels.versions import Versions
from local.custom_labels.workshop import INTERRUPTED, Workshop, discard

SECONDS_TO_FINISH = 2


@dataclass
class Account:
    """Opened on a state folder; recover() must run before the first request."""

    state: Path
    region: str
    endpoint: str | None = None
    throttle: bool = False
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    serving: Serving = field(default_factory=Serving)

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self._threads: list[threading.Thread] = []
        self.store = Store(self.state / "custom-labels.sqlite3")
        self.versions = Versions(self.store)
        self.datasets = Datasets(self.store)
        self.rates = Rates(self.throttle)
        self.objects = Objects(self.region, self.endpoint)
        self.workshop = Workshop(self.training_ended)
        self.power = Power(self.versions, self.serving, self.rehearsal, self.model_file)

    @cached_property
    def namer(self) -> Namer:
        return Namer(self.region, self.has)

    def has(self, arn: str) -> bool:
        tables = ("project", "dataset", "version")
        return any(self.store.row(f"SELECT 1 FROM {table} WHERE arn = ?", arn) for table in tables)  # noqa: S608

    def folder(self, version_arn: str) -> Path:
        return self.state / "models" / hashlib.sha256(version_arn.encode()).hexdigest()[:24]

    def model_file(self, version_arn: str) -> Path:
        return self.folder(version_arn) / MODEL

    def project(self, arn: str) -> Row:
        row = self.store.row("SELECT * FROM project WHERE arn = ?", arn)
        if row is None:
            raise Fault("ResourceNotFoundException", f"The project {arn} does not exist")
        return row

    def training_ended(self, arn: str, outcome: Outcome) -> None:
        status = Status.TRAINING_COMPLETED if outcome.completed else Status.TRAINING_FAILED
        about = self.versions.find(arn).about
        for role in ("TrainingDataResult", "TestingDataResult"):
            if role in outcome.about:
                outcome.about[role] = about.get(role, {}) | outcome.about[role]
        self.versions.advance(arn, status, outcome.message, **outcome.about)

    def recover(self) -> None:
        """Bring every resource that a stop or a crash caught between two statuses to a legal one."""
        for version in self.versions.having(Status.TRAINING_IN_PROGRESS):
            outcome = read_outcome(self.folder(version.arn))
            self.training_ended(version.arn, outcome or Outcome(False, INTERRUPTED))
        for version in self.versions.having(Status.COPYING_IN_PROGRESS):
            self.versions.advance(version.arn, Status.COPYING_FAILED, "Copying was interrupted. Copy again.")
        for version in self.versions.having(Status.DELETING):
            discard(self.folder(version.arn))
            self.versions.forget(version.arn)
        self.power.recover()

    def later(self, work: Callable[[], None]) -> None:
        """Work that the answer does not wait for."""
        thread = threading.Thread(target=work, name="later", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        self.workshop.close()
        self.power.close()
        self.join(SECONDS_TO_FINISH)
        self.store.close()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the work that no answer waited for."""
        for thread in self._threads:
            thread.join(timeout)
