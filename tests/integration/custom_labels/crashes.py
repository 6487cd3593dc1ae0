"""Kills the service at random moments, and holds what is left against what was acknowledged."""

import contextlib
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.integration.custom_labels.running import Service, source
from tests.unit.local.custom_labels.workbench import line

RESTING = frozenset(
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
SECONDS_TO_SETTLE = 60


@dataclass
class Acknowledged:
    """What the service has said yes to; it must still be there after every kill."""

    projects: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    trained: str = ""


class Crashes:
    """One service, killed again and again while clients work on it."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service = service
        self.said = Acknowledged()
        self.kills = 0
        self._random = random.Random(seed)  # noqa: S311
        self._number = 0

    def prepare(self) -> None:
        """A trained model, so that starting, stopping and copying have something to work on."""
        client = self.service.client()
        self.project = client.create_project(ProjectName="base")["ProjectArn"]
        self.said.trained = self._train(client, "base")
        self._settle(client)
        dataset = client.create_dataset(
            ProjectArn=self.project, DatasetType="TRAIN", DatasetSource=source("parts", "train")
        )
        self.dataset = dataset["DatasetArn"]

    def round(self) -> list[str]:
        """Work until the kill, start again, and list everything that is wrong."""
        worker = threading.Thread(target=self._work)
        worker.start()
        time.sleep(self._random.uniform(0.02, 1.5))
        self.service.kill()
        self.kills += 1
        worker.join()
        self.service.start()
        return self._wrong()

    def _work(self) -> None:
        client = self.service.client()
        steps = [self._create, self._update, self._switch, self._copy, self._begin, self._delete]
        with contextlib.suppress(BotoCoreError):
            while True:
                self._number += 1
                with contextlib.suppress(ClientError):
                    self._random.choice(steps)(client)

    def _create(self, client: Any) -> None:
        self.said.projects.add(client.create_project(ProjectName=f"p{self._number}")["ProjectArn"])

    def _update(self, client: Any) -> None:
        image = f"s3://parts/new/{self._number}.jpg"
        change = {"GroundTruth": line(image, "ok").encode()}
        client.update_dataset_entries(DatasetArn=self.dataset, Changes=change)
        self.said.images.add(image)

    def _switch(self, client: Any) -> None:
        model = {"ProjectVersionArn": self.said.trained}
        try:
            client.start_project_version(**model, MinInferenceUnits=1)
        except ClientError:
            client.stop_project_version(**model)

    def _copy(self, client: Any) -> None:
        request = {"SourceProjectArn": self.project, "SourceProjectVersionArn": self.said.trained}
        copy = client.copy_project_version(
            **request,
            DestinationProjectArn=self.project,
            VersionName=f"c{self._number}",
            OutputConfig={"S3Bucket": "parts"},
        )
        self.said.models.add(copy["ProjectVersionArn"])

    def _begin(self, client: Any) -> None:
        self.said.models.add(self._train(client, f"v{self._number}"))

    def _train(self, client: Any, name: str) -> str:
        data: dict[str, Any] = {}
        if not hasattr(self, "dataset"):
            data = {
                "TrainingData": {"Assets": [source("parts", "train")]},
                "TestingData": {"AutoCreate": True},
            }
        answer = client.create_project_version(
            ProjectArn=self.project, VersionName=name, OutputConfig={"S3Bucket": "parts"}, **data
        )
        return str(answer["ProjectVersionArn"])

    def _delete(self, client: Any) -> None:
        """A deletion that was not answered may have happened or not; one that was answered has."""
        for model in sorted(self.said.models)[:1]:
            self.said.models.discard(model)
            client.delete_project_version(ProjectVersionArn=model)
            self.said.deleted.add(model)

    def _settle(self, client: Any) -> dict[str, str]:
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while True:
            statuses = _statuses(client, self.project)
            if set(statuses.values()) <= RESTING or time.monotonic() > deadline:
                return statuses
            time.sleep(0.05)

    def _wrong(self) -> list[str]:
        client = self.service.client()
        statuses = self._settle(client)
        listed = _pages(client, "describe_projects", "ProjectDescriptions")
        projects = {row["ProjectArn"] for row in listed}
        entries = _pages(client, "list_dataset_entries", "DatasetEntries", DatasetArn=self.dataset)
        text = "\n".join(entries)
        return [
            *(f"{model} is {status}" for model, status in statuses.items() if status not in RESTING),
            *(f"{project} is gone" for project in self.said.projects - projects),
            *(
                f"{model} is gone"
                for model in self.said.models | {self.said.trained}
                if model not in statuses
            ),
            *(f"{model} came back" for model in self.said.deleted if model in statuses),
            *(f"{image} is gone" for image in self.said.images if f'"{image}"' not in text),
        ]


def _statuses(client: Any, project: str) -> dict[str, str]:
    rows = _pages(client, "describe_project_versions", "ProjectVersionDescriptions", ProjectArn=project)
    return {row["ProjectVersionArn"]: row["Status"] for row in rows}


def _pages(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**request)
    return [row for page in pages for row in page[key]]
