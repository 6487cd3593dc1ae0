"""The environment that commands work with: the one on this machine, or a stage on AWS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from workflow.aws.stack_outputs import StackOutputs
from workflow.cameras.camera import CameraRepository
from workflow.cameras.monitoring import CameraStatusRepository
from workflow.errors import PartcheckError
from workflow.history.archive import ExecutionArchive, HistorySource
from workflow.history.logs import StepLogs
from workflow.history.metrics import MetricsStore
from workflow.history.search import InspectionSearch
from workflow.inspections.objects import Image, ObjectStore
from workflow.inspections.repository import InspectionDatabase
from workflow.recovery.commands import CommandRepository
from workflow.recovery.redrive import RedrivableExecutions
from workflow.review.decisions import MessageQueue
from workflow.review.queue import ReviewRepository

if TYPE_CHECKING:
    from deployment.account import AwsAccount
    from deployment.stacks import Stack

UNUSABLE_STATUSES = {
    "ROLLBACK_COMPLETE": "The first deployment of stage {} failed and was rolled back",
    "ROLLBACK_FAILED": "The first deployment of stage {} failed, and its rollback failed too",
    "DELETE_FAILED": "The deletion of stage {} failed",
}


class NotRunning(PartcheckError):
    """The environment that the command needs is not running."""


class Inbox(Protocol):
    """The bucket that photos are uploaded to."""

    def put(self, key: str, content: BinaryIO | bytes) -> Image:
        """Upload one photo and return its object version. Raise UploadFailed if S3 refuses it."""


class ExecutionReader(RedrivableExecutions, Protocol):
    """Executions with their descriptions and histories."""

    def arn(self, name: str) -> str:
        """Return the ARN of the execution with this name."""

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return the answer of DescribeExecution, or None if Step Functions does not know the execution."""

    def get_history(self, name: str) -> list[dict[str, Any]]:
        """Return all events of an execution, oldest first. Empty if Step Functions does not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The adapters of a running environment. `variables` point other AWS tools at it."""

    outputs: StackOutputs
    inspections: InspectionDatabase
    objects: ObjectStore
    executions: ExecutionReader
    decision_queue: MessageQueue
    inbox: Inbox
    variables: Mapping[str, str]
    reviews: ReviewRepository
    search: InspectionSearch
    metrics: MetricsStore
    archive: ExecutionArchive
    history_source: HistorySource
    logs: StepLogs
    commands: CommandRepository
    command_queue: MessageQueue
    cameras: CameraRepository
    camera_statuses: CameraStatusRepository


@dataclass(frozen=True, slots=True)
class AwsTarget:
    """A stage on AWS with the credentials and the region. An empty stage means this machine."""

    stage: str = ""
    profile: str = ""
    region: str = ""

    @property
    def stack_name(self) -> str:
        """Return the name of the stage's CloudFormation stack."""
        return f"partcheck-{self.stage}"

    def configure_clients(self) -> None:
        """Make all AWS clients of this process use the profile and the region."""
        from workflow.aws import clients

        clients.configure(self.profile, self.region)


THIS_MACHINE = AwsTarget()


@dataclass(frozen=True, slots=True, kw_only=True)
class CliContext:
    """The options before the command's name, and the functions that find or start the local environment."""

    state_dir: Path | None
    port: int | None
    find_local: Callable[[Path | None], Environment]
    start_local: Callable[[Path | None, int | None], Environment] | None = None
    target: AwsTarget = THIS_MACHINE

    def environment(self) -> Environment:
        """Return the stage that --stage names, otherwise the environment on this machine.

        With --start the environment on this machine is started if it is not running. Otherwise NotRunning is
        raised, with the command that starts it.
        """
        if self.target.stage:
            return find_stage_environment(self.target)
        try:
            return self.find_local(self.state_dir)
        except NotRunning:
            if self.start_local is None:
                raise
        return self.start_local(self.state_dir, self.port)


def find_local_environment(state_dir: Path | None) -> Environment:
    """Return the environment that runs on this machine with this state directory."""
    from cli.printed_command import printed_command
    from local import settings

    running = settings.find_running_environment(state_dir)
    if running is None:
        directory = display_path(settings.resolve_state_dir(state_dir))
        raise NotRunning(
            f"No environment is running in {directory}: start it with `{printed_command('up')}`."
        )
    settings.apply_sdk_environment(running.endpoints)
    return open_environment(running.outputs, settings.sdk_environment(running.endpoints))


def require_usable_stack(stack: "Stack | None", target: AwsTarget) -> None:
    """Raise NotRunning if the stack is in a status in which CloudFormation only allows its deletion."""
    from cli.printed_command import printed_command

    if stack is not None and stack.status in UNUSABLE_STATUSES:
        raise NotRunning(
            f"{UNUSABLE_STATUSES[stack.status].format(target.stage)}: "
            f"run `{printed_command('stage destroy', target)}` first, then deploy again."
        )


def find_stack(target: AwsTarget) -> "tuple[Stack, AwsAccount]":
    """Return the stack of a stage and its account. Raise NotRunning if there is no such stage."""
    from cli.printed_command import printed_command
    from deployment.account import get_account
    from deployment.stacks import CloudFormationStacks

    target.configure_clients()
    stack_account = get_account()
    stack = CloudFormationStacks().find(target.stack_name)
    if stack is None or stack.in_review:
        raise NotRunning(
            f"There is no stage {target.stage} in account {stack_account.id}, region {stack_account.region}: "
            f"deploy it with `{printed_command('stage deploy', target)}`."
        )
    require_usable_stack(stack, target)
    return stack, stack_account


def find_stage_environment(target: AwsTarget) -> Environment:
    """Return the environment of a stage on AWS. Its resources are named by the stack's outputs."""
    from workflow.aws.stack_outputs import parse_stack_outputs

    stack, account = find_stack(target)
    variables = {"AWS_REGION": account.region, "AWS_DEFAULT_REGION": account.region}
    profile = {"AWS_PROFILE": target.profile} if target.profile else {}
    return open_environment(parse_stack_outputs(stack.outputs, account.region), variables | profile)


def open_environment(outputs: StackOutputs, variables: Mapping[str, str]) -> Environment:
    """Build the adapters of an environment. The AWS clients of this process must be configured for it."""
    from workflow.aws.container import AwsContainer
    from workflow.aws.uploads import S3Uploader

    container = AwsContainer(outputs.to_settings())
    return Environment(
        outputs=outputs,
        inspections=container.inspections,
        objects=container.objects,
        executions=container.executions,
        decision_queue=container.message_queue("DECISION_QUEUE_URL"),
        inbox=S3Uploader(outputs.inbound_bucket),
        variables=variables,
        reviews=container.reviews,
        search=container.search,
        metrics=container.metrics,
        archive=container.archive,
        history_source=container.history_source,
        logs=container.remote_step_logs,
        commands=container.commands,
        command_queue=container.message_queue("COMMAND_QUEUE_URL"),
        cameras=container.cameras,
        camera_statuses=container.camera_statuses,
    )


def display_path(path: Path) -> str:
    """Return the path relative to the current directory if it lies below it."""
    current = Path.cwd()
    return str(path.relative_to(current)) if path.is_relative_to(current) else str(path)
