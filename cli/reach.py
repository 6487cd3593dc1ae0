"""The running line as commands see it: its resources' names, and the ports to work with them."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from workflow.aws.site import Site
from workflow.errors import PartcheckError
from workflow.history.archive import Archive, Histories
from workflow.history.logs import Logs
from workflow.history.search import Search
from workflow.inspections.inspection import Ledger
from workflow.inspections.objects import Image, Shelf
from workflow.recovery.redrive import Redrivable
from workflow.review.decisions import Queue
from workflow.review.queue import Reviews

if TYPE_CHECKING:
    from workflow.aws.account import Account
    from workflow.aws.stacks import Stack

DEAD_ENDS = {
    "ROLLBACK_COMPLETE": "The first deployment of stage {} failed and was rolled back",
    "ROLLBACK_FAILED": "The first deployment of stage {} failed, and so did taking it back",
    "DELETE_FAILED": "Stage {} is half taken away",
}


class NotRunning(PartcheckError):
    """No line answers where the command looked for one."""


class Inbox(Protocol):
    """Where photos are dropped."""

    def put(self, key: str, content: BinaryIO | bytes) -> Image:
        """Upload one photo; the answer names the version it became, NotUploaded why it became none."""


class Executions(Redrivable, Protocol):
    """Executions with what is remembered of them."""

    def arn(self, name: str) -> str:
        """The ARN of the execution with this name."""

    def describe(self, name: str) -> dict[str, Any] | None:
        """What DescribeExecution says, or None when nobody remembers the execution."""

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every event of an execution, oldest first; empty when nobody remembers it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A line that answers; `environment` is what other AWS tools need to talk to it."""

    site: Site
    ledger: Ledger
    shelf: Shelf
    executions: Executions
    decisions: Queue
    inbox: Inbox
    environment: Mapping[str, str]
    reviews: Reviews
    search: Search
    archive: Archive
    histories: Histories
    logs: Logs


@dataclass(frozen=True, slots=True)
class Place:
    """Where on AWS a command works: the stage (none: on this machine), the credentials, the region."""

    stage: str = ""
    profile: str = ""
    region: str = ""

    @property
    def stack_name(self) -> str:
        """The CloudFormation stack of this stage."""
        return f"partcheck-{self.stage}"

    def adopt(self) -> None:
        """Let this process's AWS clients work there."""
        from workflow.aws import clients

        clients.choose(self.profile, self.region)


HERE = Place()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the options before the command's name chose, and how they are turned into a line."""

    home: Path | None
    port: int | None
    find: Callable[[Path | None], Reached]
    place: Place = HERE

    def reach(self) -> Reached:
        """The stage that was named, else the line on this machine; NotRunning says how to start one."""
        return find_stage(self.place) if self.place.stage else self.find(self.home)


def find(home: Path | None) -> Reached:
    """The line that runs on this machine with this state directory."""
    from local import settings

    line = settings.running_line(home)
    if line is None:
        where = shown_home(settings.home_directory(home))
        raise NotRunning(f"No line is running in {where}: start one with `partcheck{_option(home)} up`.")
    settings.adopt(line.endpoints)
    return open_line(line.site, settings.environment(line.endpoints))


def refuse_dead_end(stack: "Stack | None", stage: str) -> None:
    """NotRunning, with the way out, where CloudFormation takes nothing but a stack's deletion."""
    if stack is not None and stack.status in DEAD_ENDS:
        raise NotRunning(
            f"{DEAD_ENDS[stack.status].format(stage)}: "
            f"run `partcheck teardown --stage {stage}` first, then deploy again."
        )


def stack_of(place: Place) -> "tuple[Stack, Account]":
    """The stack of a stage on AWS, and where it is; NotRunning when there is none."""
    from workflow.aws.account import account
    from workflow.aws.stacks import CloudFormationStacks

    place.adopt()
    where = account()
    stack = CloudFormationStacks().find(place.stack_name)
    if stack is None or stack.in_review:
        raise NotRunning(
            f"There is no stage {place.stage} in account {where.id}, region {where.region}: "
            f"deploy it with `partcheck deploy --stage {place.stage}`."
        )
    refuse_dead_end(stack, place.stage)
    return stack, where


def find_stage(place: Place) -> Reached:
    """The line of a stage on AWS, found through its stack."""
    from workflow.aws.site import from_outputs

    stack, where = stack_of(place)
    environment = {"AWS_REGION": where.region, "AWS_DEFAULT_REGION": where.region}
    profile = {"AWS_PROFILE": place.profile} if place.profile else {}
    return open_line(from_outputs(stack.outputs, where.region), environment | profile)


def open_line(site: Site, environment: Mapping[str, str]) -> Reached:
    """The ports of a line; the process's environment must point at it already."""
    from workflow.aws.archive import S3Archive, StepFunctionsHistories
    from workflow.aws.executions import StepFunctionsExecutions
    from workflow.aws.inbox import S3Inbox
    from workflow.aws.ledger import DynamoLedger
    from workflow.aws.logs import InvokedLogs
    from workflow.aws.queues import SqsQueue
    from workflow.aws.reviews import DynamoReviews
    from workflow.aws.search import DynamoSearch
    from workflow.aws.shelf import S3Shelf

    executions = StepFunctionsExecutions(site.state_machine_arn)
    return Reached(
        site,
        DynamoLedger(site.ledger_table, site.audit_table),
        S3Shelf(),
        executions,
        SqsQueue(site.decision_queue_url),
        S3Inbox(site.inbound_bucket),
        environment,
        DynamoReviews(site.ledger_table, site.audit_table),
        DynamoSearch(site.ledger_table, site.names_table),
        S3Archive(site.history_bucket),
        StepFunctionsHistories(executions),
        InvokedLogs(site.read_history_function),
    )


def installed(program: str) -> str:
    """How to call a program that is installed beside this one: by its name, if the shell would find it."""
    path = Path(sys.prefix) / "bin" / program
    found = shutil.which(program)
    return program if found and Path(found) == path else shown_home(path)


def shown_home(home: Path) -> str:
    """A path as a person would name it from here."""
    here = Path.cwd()
    return str(home.relative_to(here)) if home.is_relative_to(here) else str(home)


def _option(home: Path | None) -> str:
    return f" --home {home}" if home else ""
