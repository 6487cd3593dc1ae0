"""`partcheck stage destroy`: delete a stage, beginning with what costs most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.aws_options import aws_options, resolve_account, resolve_target
from cli.context import AwsTarget, CliContext, find_stack
from cli.model_services import CLOCK
from cli.output import note, print_json_line, print_table
from cli.stage.deploy import follow_stack
from cli.stage.stop_models import (
    POLL_SECONDS,
    ModelOwnership,
    disable_capacity_manager,
    read_ownership,
    stop_models,
)
from workflow.errors import PartcheckError
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from deployment.stacks import Stack, StackResource
    from workflow.aws.rate_limiter import RateLimiter

STACK_PREFIX = "partcheck-"
START_LIMIT_SECONDS = 600  # A function that runs already may start executions for five minutes.
RETENTION_REASONS = {
    "s3": "kept as requested: contains photos or reports",
    "dynamodb": "kept as requested, or its deletion is not finished yet",
    "cognito-idp": "kept as requested: contains user accounts",
    "logs": "the review app's logs, kept until they expire",
    "elasticbeanstalk": "Elastic Beanstalk removes it within the hour",
}


@dataclass(frozen=True, slots=True)
class StageResources:
    """The resources of a stage that hold data, and its stack. None if an earlier run deleted the stack."""

    name: str
    stack: "Stack | None"
    resources: "Sequence[StackResource]"

    def names(self, resource_type: str) -> list[str]:
        """Return the names of the resources of one type."""
        return _names(self.resources, resource_type)

    def find_name(self, resource_type: str, part: str) -> str:
        """Return the first resource of one type whose name contains `part`. Empty if there is none."""
        return next((name for name in self.names(resource_type) if part in name.lower()), "")


@click.command()
@aws_options
@click.option("--keep-data", is_flag=True, help="Keep buckets, tables and user pool.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print what remains, one JSON object per line.")
@click.pass_obj
def destroy(
    context: CliContext, stage: str, profile: str, region: str, keep_data: bool, yes: bool, as_json: bool
) -> None:
    """Delete a stage: first stop its models, which cost most, then delete its resources.

    Asks for confirmation before photos, tables and accounts are deleted; --keep-data keeps them. Resources
    that other stages use stay, and so do running models that do not belong to this stage. At the end it lists
    what remains, and why. If it was interrupted or kept data, the same command continues with the rest.
    Models and data sets in Custom Labels stay. Stopped models cost nothing; `partcheck model delete` deletes
    them.

    \b
    Example:
      partcheck stage destroy --stage dev
    """
    target = resolve_target(context, stage, profile, region)
    from deployment.stacks import CloudFormationStacks
    from workflow.aws.model_control_plane import RekognitionModelControlPlane

    account, stacks, models = resolve_account(target), CloudFormationStacks(), RekognitionModelControlPlane()
    resources = _find_resources(target, stacks)
    _confirm(resources, keep_data, yes)
    ownership = _read_ownership(resources, stacks)
    running = stop_models(models, ownership)
    if resources.stack is not None:
        _delete_stack(stacks, resources.stack)
        running = stop_models(models, ownership)  # Photos may have started one until the stack was deleted.
    _delete_parameters(target.stage)
    if not keep_data:
        _delete_data(resources)
    _delete_staging(stacks, account)
    _print_remaining(target.stage, running, as_json)


def _find_resources(target: AwsTarget, stacks: Any) -> StageResources:
    """Return the stage's stack and resources, or those with its tag. Raise NotRunning if there are none."""
    from deployment.resource_deletion import find_retained_resources, select_existing

    stack = stacks.find(target.stack_name)
    if stack is None or stack.in_review:
        if resources := find_retained_resources(target.stage):
            note(f"The stack of stage {target.stage} is deleted; continuing with the resources that remain.")
            return StageResources(target.stage, None, resources)
        stack, _ = find_stack(target)
    return StageResources(target.stage, stack, select_existing(stacks.resources(stack.name)))


def _confirm(stage: StageResources, keep_data: bool, yes: bool) -> None:
    """Show how much data would be deleted, and ask for confirmation."""
    from deployment.resource_deletion import BUCKET, TABLE, measure_bucket

    if keep_data:
        note("Buckets, tables and accounts are kept.")
    else:
        for bucket in stage.names(BUCKET):
            size = measure_bucket(bucket)
            note(f"Bucket {bucket}: {pluralize(size.versions, 'version')}, {size.bytes / 1e6:,.1f} MB")
        note(f"{pluralize(len(stage.names(TABLE)), 'table')} with all data about the photos")
    if not yes:
        answer = click.prompt(f"Type the stage's name ({stage.name}) to delete it", err=True)
        if answer != stage.name:
            raise click.Abort


def _read_ownership(stage: StageResources, stacks: Any) -> ModelOwnership:
    """Disable the stage's capacity manager, and return which models belong to the stage."""
    from deployment.resource_deletion import BUCKET, TABLE
    from workflow.aws.model_settings import SsmModelSettings

    parameter = stage.stack.outputs.get("ModelParameter", "") if stage.stack else ""
    if parameter:
        disable_capacity_manager(SsmModelSettings(parameter))
    others = [
        stack for stack in stacks.find_by_prefix(STACK_PREFIX) if stack.name != f"{STACK_PREFIX}{stage.name}"
    ]
    return read_ownership(
        parameter, stage.find_name(TABLE, "audit"), stage.find_name(BUCKET, "storagetraining"), others
    )


def _delete_stack(stacks: Any, stack: "Stack") -> None:
    """Stop the stage's work and delete its stack. Executions that a late function starts are stopped too."""
    from deployment.shutdown import STOPS_PER_SECOND
    from workflow.aws.rate_limiter import RateLimiter

    resources = stacks.resources(stack.name)
    limiter = RateLimiter(STOPS_PER_SECOND, CLOCK.seconds, CLOCK.sleep)
    stop = partial(_stop_executions, _names(resources, "AWS::StepFunctions::StateMachine"), limiter)
    _disable_triggers(resources)
    deadline = CLOCK.seconds() + START_LIMIT_SECONDS
    while stop():
        if CLOCK.seconds() > deadline:
            raise PartcheckError(
                "Executions are still being started: find out by which program, then try again"
            )
        CLOCK.sleep(POLL_SECONDS)
    note("Deleting the stack …")
    known = {event.id for event in stacks.events(stack.id)}
    stacks.delete(stack.name)
    remaining = follow_stack(stacks, stack.id, known, stop)
    if remaining is not None and remaining.status != "DELETE_COMPLETE":
        raise PartcheckError(f"The stack could not be deleted ({remaining.status}); its events say why")


def _names(resources: "Sequence[StackResource]", resource_type: str) -> list[str]:
    return [resource.physical_id for resource in resources if resource.resource_type == resource_type]


def _disable_triggers(resources: "Sequence[StackResource]") -> None:
    from deployment.shutdown import disable_queue_readers, disable_rules

    note("Uploads, schedules and queues start no more executions.")
    disable_rules(_names(resources, "AWS::Events::Rule"))
    disable_queue_readers(_names(resources, "AWS::Lambda::EventSourceMapping"))


def _stop_executions(state_machines: Sequence[str], limiter: "RateLimiter") -> int:
    """Stop the running executions, and tell their number. Return it."""
    from deployment.shutdown import stop_executions

    stopped = sum(stop_executions(state_machine, limiter) for state_machine in state_machines)
    if stopped:
        note(f"Stopped {pluralize(stopped, 'execution')}.")
    return stopped


def _delete_parameters(stage: str) -> None:
    from deployment.resource_deletion import delete_parameters
    from infra.parameters import Parameters

    for name in delete_parameters(Parameters(stage).initial_values()):
        note(f"Parameter {name} is deleted.")


def _report_deleted_versions(bucket: str, count: int) -> None:
    note(f"{bucket}: {count:,} versions deleted")


def _delete_data(stage: StageResources) -> None:
    from deployment import resource_deletion
    from deployment.resource_deletion import BUCKET, TABLE, USER_POOL

    for bucket in sorted(stage.names(BUCKET), key=_is_log_bucket):
        resource_deletion.delete_bucket(bucket, partial(_report_deleted_versions, bucket))
        note(f"Bucket {bucket} is deleted.")
    for table in stage.names(TABLE):
        resource_deletion.delete_table(table)
        note(f"Table {table} is deleted.")
    for pool in stage.names(USER_POOL):
        resource_deletion.delete_user_pool(pool)
        note(f"User pool {pool} is deleted.")


def _is_log_bucket(bucket: str) -> bool:
    """Return True if a bucket gets the access logs of the others. It is deleted last."""
    return "storagelogs" in bucket


def _delete_staging(stacks: Any, account: Any) -> None:
    """Delete the bucket for code and templates if no other stage is left."""
    from deployment import resource_deletion
    from deployment.asset_bucket import StagingBucket

    staging = StagingBucket(account)
    if stacks.find_by_prefix(STACK_PREFIX):
        note(f"Bucket {staging.bucket} stays: other stages need it.")
    elif staging.exists():
        resource_deletion.delete_bucket(staging.bucket, lambda _count: None)
        note(f"Bucket {staging.bucket} is deleted.")


def _print_remaining(stage: str, running: Mapping[str, str], as_json: bool) -> None:
    from deployment.resource_deletion import find_tagged_arns

    remaining = {**{arn: retention_reason(arn) for arn in find_tagged_arns(stage)}, **running}
    if as_json:
        for arn, why in remaining.items():
            print_json_line({"arn": arn, "why": why})
    elif remaining:
        print_table(("what remains", "why"), list(remaining.items()))
    else:
        note(f"Nothing that carries the tag partcheck={stage} remains.")
    if running:
        stop = "aws rekognition stop-project-version --project-version-arn ARN"
        note(f"Running models cost money by the hour. To stop one that is not needed: {stop}")


def retention_reason(arn: str) -> str:
    """Return why a resource still exists after the deletion."""
    return RETENTION_REASONS.get(arn.split(":")[2], "AWS lists deleted resources for a while")
