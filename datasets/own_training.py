"""Training of own models: on this machine, from the data sets of a project in S3."""

import queue
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from custom_labels.training_job import MODEL_FILE, DatasetSource, TrainingInput, TrainingOutcome
from custom_labels.training_pool import TrainingPool
from datasets.project_datasets import ProjectDatasets
from workflow.aws.clients import client
from workflow.aws.own_models import S3OwnModels, describe_training
from workflow.errors import NotFound, PartcheckError

POLL_SECONDS = 0.5


def train_own_model(
    project: ProjectDatasets, name: str, bucket: str, models: S3OwnModels, report: Callable[[str], None]
) -> str:
    """Train a model on a project's data sets and store it; return its ARN.

    A process of its own trains, and writes the reports of a training with Custom Labels to the bucket.
    `report` receives each step of its progress once. Raise NotFound without a data set TRAIN, PartcheckError
    if the training fails.
    """
    datasets = project.dataset_arns()
    if "TRAIN" not in datasets:
        raise NotFound(f"Project {project.name} has no data set TRAIN: import photos into it first")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="partcheck-training-") as directory:
        folder = Path(directory)
        sources = {
            kind: _copy_lines(project, arn, folder / f"{kind}.manifest") for kind, arn in datasets.items()
        }
        inputs = TrainingInput(
            version_arn=f"{project.name}/version/{name}",
            project_name=project.name,
            version_name=name,
            region=client("s3").meta.region_name,
            endpoint=None,
            train=sources["TRAIN"],
            test=sources.get("TEST"),
            bucket=bucket,
            prefix=f"{project.name}/evaluation/{name}",
        )
        outcome = _run(folder, inputs, report)
        if not outcome.completed:
            raise PartcheckError(f"The training of model {name} failed: {outcome.message}")
        about = describe_training(
            summary_uri=_uri(outcome.details["EvaluationResult"]["Summary"]),
            training_uri=_uri(
                outcome.details["TrainingDataResult"]["Output"]["Assets"][0]["GroundTruthManifest"]
            ),
            seconds=round(time.monotonic() - began),
        )
        return models.put(project.name, name, (folder / MODEL_FILE).read_bytes(), about)


def _copy_lines(project: ProjectDatasets, dataset: str, path: Path) -> DatasetSource:
    path.write_text("\n".join(sorted(project.read_lines(dataset))), encoding="utf-8")
    return DatasetSource(file=path.name)


def _run(folder: Path, inputs: TrainingInput, report: Callable[[str], None]) -> TrainingOutcome:
    outcomes: queue.SimpleQueue[TrainingOutcome] = queue.SimpleQueue()
    pool = TrainingPool(lambda _name, outcome: outcomes.put(outcome))
    try:
        pool.start(inputs.version_name, folder, inputs)
        reported = ""
        while True:
            try:
                return outcomes.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if (message := pool.progress_message(inputs.version_name)) != reported:
                    report(message)
                    reported = message
    finally:
        pool.close()


def _uri(report: Mapping[str, Any]) -> str:
    location = report["S3Object"]
    return f"s3://{location['Bucket']}/{location['Name']}"
