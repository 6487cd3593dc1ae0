"""The files of a training process in the model's folder: its input, its outcome, and the model."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MODEL_FILE = "model.npz"
_INPUT_FILE = "job.json"
_OUTCOME_FILE = "outcome.json"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A manifest in S3 or, for a data set of the project, a copy of its lines in the model's folder."""

    manifest: dict[str, str] | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInput:
    """The input of one training; without a test source a fifth of the training photos is the test."""

    version_arn: str
    project_name: str
    version_name: str
    region: str
    endpoint: str | None
    train: DatasetSource
    test: DatasetSource | None
    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """The result of a training; `details` become members of the model's description."""

    completed: bool
    message: str
    details: dict[str, Any] = field(default_factory=dict)


def write_input(folder: Path, inputs: TrainingInput) -> None:
    _write(folder / _INPUT_FILE, asdict(inputs))


def read_input(folder: Path) -> TrainingInput:
    content = json.loads((folder / _INPUT_FILE).read_text())
    train, test = content.pop("train"), content.pop("test")
    return TrainingInput(
        train=DatasetSource(**train), test=DatasetSource(**test) if test else None, **content
    )


def write_outcome(folder: Path, outcome: TrainingOutcome) -> None:
    _write(folder / _OUTCOME_FILE, asdict(outcome))


def read_outcome(folder: Path) -> TrainingOutcome | None:
    """Return the outcome, or None if the training did not write one."""
    path = folder / _OUTCOME_FILE
    return TrainingOutcome(**json.loads(path.read_text())) if path.exists() else None


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a draft, flush it to the disk and rename it: after a crash the file is complete or absent."""
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
