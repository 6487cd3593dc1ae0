"""Kill the service at random moments, and compare its state with the acknowledged requests."""

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.integration.custom_labels.running import ServiceProcess, manifest_source
from tests.unit.custom_labels.in_memory_service import manifest_line

FINAL_STATUSES = frozenset(
    {
        "TRAINING_COMPLETED",
        "TRAINING_FAILED",
        "RUNNING",
        "STOPPED",
        "FAILED",
        "COPYING_COMPLETED",
        "COPYING_FAILED",
    }
)
SETTLE_TIMEOUT_SECONDS = 240


@dataclass
class AcknowledgedRequests:
    """The requests that the service acknowledged; their effect must survive every kill."""

    projects: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    trained: str = ""


class CrashTest:
    """One service that is killed repeatedly while a client uses it."""

    def __init__(self, service: ServiceProcess, seed: int) -> None:
        self.service = service
        self.acknowledged = AcknowledgedRequests()
        self.kills = 0
        self._random = random.Random(seed)  # noqa: S311
        self._number = 0

    def prepare(self) -> None:
        """Train a model for the starts, stops and copies."""
        client = self.service.client()
        self.project = client.create_project(ProjectName="base")["ProjectArn"]
        self.acknowledged.trained = self._train(client, "base")
        self._wait_for_final_statuses(client)
        dataset = client.create_dataset(
            ProjectArn=self.project, DatasetType="TRAIN", DatasetSource=manifest_source("parts", "train")
        )
        self.dataset = dataset["DatasetArn"]

    def run_round(self) -> list[str]:
        """Send requests until the kill, start again, and return all errors of the state."""
        worker = threading.Thread(target=self._send_requests)
        worker.start()
        time.sleep(self._random.uniform(0.02, 1.5))
        self.service.kill()
        self.kills += 1
        worker.join()
        self.service.start()
        return self._find_errors()

    def _send_requests(self) -> None:
        client = self.service.client()
        actions = [
            self._create_project,
            self._update_entries,
            self._start_or_stop,
            self._copy_model,
            self._start_training,
            self._delete_model,
        ]
        with contextlib.suppress(BotoCoreError):
            while True:
                self._number += 1
                with contextlib.suppress(ClientError):
                    self._random.choice(actions)(client)

    def _create_project(self, client: Any) -> None:
        self.acknowledged.projects.add(client.create_project(ProjectName=f"p{self._number}")["ProjectArn"])

    def _update_entries(self, client: Any) -> None:
        image = f"s3://parts/new/{self._number}.jpg"
        change = {"GroundTruth": manifest_line(image, "ok").encode()}
        client.update_dataset_entries(DatasetArn=self.dataset, Changes=change)
        self.acknowledged.images.add(image)

    def _start_or_stop(self, client: Any) -> None:
        model = {"ProjectVersionArn": self.acknowledged.trained}
        try:
            client.start_project_version(**model, MinInferenceUnits=1)
        except ClientError:
            client.stop_project_version(**model)

    def _copy_model(self, client: Any) -> None:
        request = {"SourceProjectArn": self.project, "SourceProjectVersionArn": self.acknowledged.trained}
        copy = client.copy_project_version(
            **request,
            DestinationProjectArn=self.project,
            VersionName=f"c{self._number}",
            OutputConfig={"S3Bucket": "parts"},
        )
        self.acknowledged.models.add(copy["ProjectVersionArn"])

    def _start_training(self, client: Any) -> None:
        self.acknowledged.models.add(self._train(client, f"v{self._number}"))

    def _train(self, client: Any, name: str) -> str:
        data: dict[str, Any] = {}
        if not hasattr(self, "dataset"):
            data = {
                "TrainingData": {"Assets": [manifest_source("parts", "train")]},
                "TestingData": {"AutoCreate": True},
            }
        answer = client.create_project_version(
            ProjectArn=self.project, VersionName=name, OutputConfig={"S3Bucket": "parts"}, **data
        )
        return str(answer["ProjectVersionArn"])

    def _delete_model(self, client: Any) -> None:
        """Delete a model; without a response the deletion may have happened or not."""
        for model in sorted(self.acknowledged.models)[:1]:
            self.acknowledged.models.discard(model)
            client.delete_project_version(ProjectVersionArn=model)
            self.acknowledged.deleted.add(model)

    def _wait_for_final_statuses(self, client: Any) -> dict[str, str]:
        deadline = time.monotonic() + SETTLE_TIMEOUT_SECONDS
        while True:
            statuses = _statuses(client, self.project)
            if set(statuses.values()) <= FINAL_STATUSES or time.monotonic() > deadline:
                return statuses
            time.sleep(0.05)

    def _find_errors(self) -> list[str]:
        client = self.service.client()
        statuses = self._wait_for_final_statuses(client)
        listed = _pages(client, "describe_projects", "ProjectDescriptions")
        projects = {row["ProjectArn"] for row in listed}
        entries = _pages(client, "list_dataset_entries", "DatasetEntries", DatasetArn=self.dataset)
        text = "\n".join(entries)
        return [
            *(f"{model} is {status}" for model, status in statuses.items() if status not in FINAL_STATUSES),
            *(f"{project} is gone" for project in self.acknowledged.projects - projects),
            *(
                f"{model} is gone"
                for model in self.acknowledged.models | {self.acknowledged.trained}
                if model not in statuses
            ),
            *(f"{model} came back" for model in self.acknowledged.deleted if model in statuses),
            *(f"{image} is gone" for image in self.acknowledged.images if f'"{image}"' not in text),
        ]


def _statuses(client: Any, project: str) -> dict[str, str]:
    rows = _pages(client, "describe_project_versions", "ProjectVersionDescriptions", ProjectArn=project)
    return {row["ProjectVersionArn"]: row["Status"] for row in rows}


def _pages(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**request)
    return [row for page in pages for row in page[key]]
