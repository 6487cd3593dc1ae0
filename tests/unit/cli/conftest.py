"""A line in memory, and `partcheck` run against it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.reach import Reached
from tests.fakes import (
    MemoryArchive,
    MemoryExecutions,
    MemoryHistories,
    MemoryLogs,
    MemoryReviews,
    MemorySearch,
)
from tests.unit.line import FILED, INBOUND, UNSURE, Line
from workflow.aws.site import Site
from workflow.inspections.objects import Image

SITE = Site(
    region="eu-central-1",
    inbound_bucket=INBOUND,
    filed_bucket=FILED,
    training_bucket="training",
    ledger_table="ledger",
    audit_table="audit",
    token_table="tokens",
    names_table="names",
    figures_table="figures",
    command_table="command-log",
    history_bucket="history",
    read_history_function="read-history",
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


class RememberedExecutions(MemoryExecutions):
    """Executions whose descriptions and histories can be read, until they are forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.histories: dict[str, list[dict[str, Any]]] = {}

    def arn(self, name: str) -> str:
        return SITE.state_machine_arn.replace("stateMachine", "execution") + f":{name}"

    def describe(self, name: str) -> dict[str, Any] | None:
        if name not in self.statuses:
            return None
        return {"name": name, "status": self.statuses[name], "startDate": STARTED_AT}

    def history(self, name: str) -> list[dict[str, Any]]:
        return self.histories.get(name, [])


@dataclass
class Inbox:
    """Uploads to the memory shelf; then the line does with the image what it is told to."""

    line: Line
    then: Callable[[Line, Image], object]
    keys: list[str] = field(default_factory=list)

    def put(self, key: str, content: BinaryIO | bytes) -> Image:
        self.keys.append(key)
        image = self.line.upload(content if isinstance(content, bytes) else content.read(), key)
        self.then(self.line, image)
        return image


def inspected(line: Line, image: Image) -> object:
    """The line inspects what arrives at once."""
    return line.inspected(image)


def waiting(line: Line, image: Image) -> object:
    """The line cannot tell what arrives, and asks a person."""
    line.detector.answers = [UNSURE]
    return line.waiting(image)


def lost(_line: Line, _image: Image) -> object:
    """Nobody notices what arrives."""
    return None


def vanished(line: Line, image: Image) -> object:
    """Somebody deletes what arrives before the line has looked at it."""
    line.shelf.delete(image)
    return line.claim(image, line.start(image))


class Bench:
    """One line, and the command line beside it."""

    def __init__(self) -> None:
        self.executions = RememberedExecutions()
        self.line = Line(executions=self.executions)
        self.inbox = Inbox(self.line, inspected)
        self.archive, self.told = MemoryArchive(), MemoryHistories()
        self.logs = MemoryLogs()

    def reach(self, _home: Path | None) -> Reached:
        line = self.line
        ports = (line.ledger, line.shelf, line.executions, line.decisions, self.inbox)
        found = (MemorySearch(line.ledger), self.archive, self.told, self.logs)
        return Reached(SITE, *ports, {}, MemoryReviews(line.ledger), *found)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, obj=self.reach)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def unsure(bench: Bench) -> Image:
    """A photo that waits for a person."""
    bench.line.detector.answers = [UNSURE]
    image = bench.line.upload()
    bench.line.waiting(image)
    return image
