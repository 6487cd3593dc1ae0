"""The command line, run against an environment in memory."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from click.testing import CliRunner, Result

from cli.context import Environment
from cli.main import main
from tests.aws_account import REGION, RESOURCES, AwsAccount, aws_account
from tests.fakes import (
    InMemoryArchiveIndex,
    InMemoryCommandRepository,
    InMemoryExecutionArchive,
    InMemoryExecutions,
    InMemoryHistorySource,
    InMemoryInspectionSearch,
    InMemoryMessageQueue,
    InMemoryReferenceRepository,
    InMemoryReviewRepository,
    InMemoryStepLogs,
)
from tests.model_world import (
    InMemoryControlPlane,
    InMemoryEventLog,
    InMemoryModelSettings,
    InMemoryReferenceUpdates,
    arn_of,
)
from tests.unit.pipeline import FILED, INBOUND, KEY, PHOTO, UNSURE, Pipeline
from workflow.aws.camera_statuses import DynamoCameraStatusRepository
from workflow.aws.clients import client
from workflow.aws.stack_outputs import StackOutputs
from workflow.inspections.objects import Image
from workflow.models.model import ModelStatus
from workflow.pipeline.detection import ModelAnswer
from workflow.tables import CAMERAS

OUTPUTS = StackOutputs(
    region="eu-central-1",
    inbound_bucket=INBOUND,
    filed_bucket=FILED,
    training_bucket="training",
    inspections_table="inspections",
    audit_table="audit",
    task_tokens_table="task-tokens",
    name_index_table="name-index",
    metrics_table="metrics",
    command_log_table="command-log",
    cameras_table="cameras",
    history_bucket="history",
    get_execution_history_function="read-history",
    intake_queue_url="intake",
    decision_queue_url="decisions",
    escalation_queue_url="escalations",
    verdict_queue_url="verdicts",
    command_queue_url="commands",
    state_machine_arn="arn:aws:states:eu-central-1:123456789012:stateMachine:parts",
    policy_parameter="policy",
    model_parameter="model",
)
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class RememberedExecutions(InMemoryExecutions):
    """Executions with descriptions and histories, until they are removed."""

    def __init__(self) -> None:
        super().__init__()
        self.histories: dict[str, list[dict[str, Any]]] = {}

    def arn(self, name: str) -> str:
        return OUTPUTS.state_machine_arn.replace("stateMachine", "execution") + f":{name}"

    def describe(self, name: str) -> dict[str, Any] | None:
        if name not in self.statuses:
            return None
        return {"name": name, "status": self.statuses[name], "startDate": STARTED_AT}

    def get_history(self, name: str) -> list[dict[str, Any]]:
        return self.histories.get(name, [])


@dataclass
class Inbox:
    """An inbox that uploads to memory and then calls `then` with the image."""

    pipeline: Pipeline
    then: Callable[[Pipeline, Image], object]
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, content: BinaryIO | bytes) -> Image:
        self.keys.append(key)
        image = self.pipeline.upload(content if isinstance(content, bytes) else content.read(), key)
        self.then(self.pipeline, image)
        return image


def inspected(pipeline: Pipeline, image: Image) -> object:
    """Inspect the upload at once."""
    return pipeline.inspected(image)


def waiting(pipeline: Pipeline, image: Image) -> object:
    """Give the upload an unclear verdict, so that it waits for a reviewer."""
    pipeline.detector.answers = [UNSURE]
    return pipeline.waiting(image)


def lost(_line: Pipeline, _image: Image) -> object:
    """Ignore the upload."""
    return None


def vanished(pipeline: Pipeline, image: Image) -> object:
    """Delete the upload before it is inspected."""
    pipeline.objects.delete(image)
    return pipeline.begin(image)


class CommandLine:
    """One environment in memory, and the command line beside it."""

    def __init__(self) -> None:
        self.executions = RememberedExecutions()
        self.pipeline = Pipeline(executions=self.executions)
        self.inbox = Inbox(self.pipeline, inspected)
        self.archive, self.histories = InMemoryExecutionArchive(), InMemoryHistorySource()
        self.logs = InMemoryStepLogs()
        self.metrics = InMemoryArchiveIndex(self.pipeline.inspections)
        self.commands, self.command_queue = InMemoryCommandRepository(), InMemoryMessageQueue()

    def find_environment(self, _state_dir: Path | None) -> Environment:
        pipeline = self.pipeline
        return Environment(
            outputs=OUTPUTS,
            inspections=pipeline.inspections,
            objects=pipeline.objects,
            executions=pipeline.executions,
            decision_queue=pipeline.decisions,
            inbox=self.inbox,
            variables={},
            reviews=InMemoryReviewRepository(pipeline.inspections),
            search=InMemoryInspectionSearch(pipeline.inspections),
            metrics=self.metrics,
            archive=self.archive,
            history_source=self.histories,
            logs=self.logs,
            commands=self.commands,
            command_queue=self.command_queue,
            cameras=self.pipeline.cameras,
            camera_statuses=DynamoCameraStatusRepository(CAMERAS.name, self.pipeline.cameras._dynamodb),
        )

    def inspect(self, key: str = KEY, *answers: ModelAnswer, content: bytes = PHOTO) -> Image:
        """Upload a photo and inspect it to its end."""
        if answers:
            self.pipeline.detector.answers = list(answers)
        image = self.pipeline.upload(content, key)
        self.pipeline.inspected(image)
        return image

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, obj=self.find_environment)


@pytest.fixture(autouse=True)
def partcheck_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed commands then begin with `partcheck`, and not with the path of this virtual environment."""
    programs = Path(sys.prefix, "bin")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


class Room:
    """The models, settings and logs of the model commands, in memory."""

    def __init__(self) -> None:
        self.world = InMemoryControlPlane(old=ModelStatus.RUNNING, new=ModelStatus.TRAINING_COMPLETED)
        self.settings = InMemoryModelSettings(arn_of("old"))
        self.record, self.capacity_log = InMemoryEventLog(), InMemoryEventLog()
        self.references, self.updates = InMemoryReferenceRepository(), InMemoryReferenceUpdates()


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    books = {"model": room.record, "model-capacity": room.capacity_log}
    monkeypatch.setattr("workflow.aws.own_models.S3OwnModels", lambda *_: room.world.own)
    monkeypatch.setattr("workflow.aws.own_models.ModelControlPlaneOfAllKinds", lambda _own: room.world)
    monkeypatch.setattr("workflow.aws.model_settings.SsmModelSettings", lambda *_names: room.settings)
    monkeypatch.setattr(
        "workflow.aws.model_event_log.DynamoModelEventLog", lambda _table, book="model": books[book]
    )
    monkeypatch.setattr("workflow.aws.model_references.S3ReferenceRepository", lambda *_: room.references)
    monkeypatch.setattr("workflow.aws.reference_updates.S3ReferenceUpdates", lambda *_: room.updates)
    monkeypatch.setattr("cli.model_services.CLOCK", room.world.clock)
    return room


@pytest.fixture
def command_line() -> CommandLine:
    return CommandLine()


@pytest.fixture
def unsure(command_line: CommandLine) -> Image:
    """A photo that waits for a reviewer."""
    command_line.pipeline.detector.answers = [UNSURE]
    image = command_line.pipeline.upload()
    command_line.pipeline.waiting(image)
    return image


@pytest.fixture
def aws() -> Iterator[AwsAccount]:
    with aws_account() as account:
        yield account


def stage(command: str, *options: str) -> Result:
    """Run a command of `partcheck stage` for the stage `dev` without questions."""
    confirmed = ("--yes",) if command in ("deploy", "destroy") else ()
    return CliRunner().invoke(main, ("stage", command, "--stage", "dev", *confirmed, *options))


@pytest.fixture
def deployed(aws: AwsAccount) -> AwsAccount:
    """A deployed stage with its bucket."""
    assert stage("deploy").exit_code == 0
    place = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=RESOURCES["StorageInbound"][1], CreateBucketConfiguration=place)
    aws.calls.clear()
    return aws
