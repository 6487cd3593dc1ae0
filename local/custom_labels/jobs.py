"""What a training process is told, and what it leaves behind: three files in the model's folder."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MODEL = "model.npz"
_JOB = "job.json"
_OUTCOME = "outcome.json"


@dataclass(frozen=True, slots=True)
class DataSource:
    """A manifest in S3 or, for a dataset of the project, a copy of its lines in the model's folder."""

    manifest: dict[str, str] | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One training; without a test source a fifth of the training photos is set aside."""

    version_arn: str
    project_name: str
    version_name: str
    region: str
    endpoint: str | None
    train: DataSource
    test: DataSource | None
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the training ended; about goes into the model's description."""

    completed: bool
    message: str
    about: dict[str, Any] = field(default_factory=dict)


def write_job(folder: Path, job: Job) -> None:
    _write(folder / _JOB, asdict(job))


def read_job(folder: Path) -> Job:
    told = json.loads((folder / _JOB).read_text())
    test = told.pop("test")
    return Job(train=DataSource(**told.pop("train")), test=DataSource(**test) if test else None, **told)


def write_outcome(folder: Path, outcome: Outcome) -> None:
    _write(folder / _OUTCOME, asdict(outcome))


def read_outcome(folder: Path) -> Outcome | None:
    path = folder / _OUTCOME
    return Outcome(**json.loads(path.read_text())) if path.exists() else None


def _write(path: Path, content: dict[str, Any]) -> None:
    """On the disk before it has its name: after a crash the file is whole or absent."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
