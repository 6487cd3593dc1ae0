"""`partcheck teardown`: a stage taken away, beginning with what costs most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.deploy import follow
from cli.model_bench import CLOCK
from cli.output import json_line, note, plural, table
from cli.place import chosen_place, placed_on_aws
from cli.reach import Chosen, stack_of
from workflow.errors import PartcheckError
from workflow.model import UP, Status, project_of, wait_until
from workflow.promotion import START_PATIENCE

if TYPE_CHECKING:
    from workflow.aws.stacks import Resource, Stack

BUCKET, TABLE, POOL = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"
OURS = "partcheck-"
WHY = {
    "s3": "kept as you asked: it holds photos or reports",
    "dynamodb": "kept as you asked, or its deletion is not finished yet",
    "cognito-idp": "kept as you asked: it holds people's accounts",
    "logs": "the review app's logs, kept until they expire",
    "elasticbeanstalk": "Elastic Beanstalk forgets it within the hour",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a teardown is about."""

    name: str
    stack: "Stack"
    resources: "Sequence[Resource]"

    def of(self, kind: str) -> list[str]:
        """The names of its resources of one kind."""
        return [one.physical_id for one in self.resources if one.kind == kind]


@click.command()
@placed_on_aws
@click.option("--keep-data", is_flag=True, help="Leave buckets, tables and user pool.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="What remains, one JSON object each.")
@click.pass_obj
def teardown(
    chosen: Chosen, stage: str, profile: str, region: str, keep_data: bool, yes: bool, as_json: bool
) -> None:
    """Take a stage away: first its running models, which cost most, then everything it made.

    Asks before photos, tables and accounts are deleted; --keep-data leaves them. What other stages use stays.
    At the end it lists what remains, and why. Models and data sets in Custom Labels stay: stopped, they cost
    nothing, and `partcheck model delete` is for them.

    \b
    Example:
      partcheck teardown --stage dev
    """
    place = chosen_place(chosen, stage, profile, region)
    from workflow.aws.stacks import CloudFormationStacks

    found, account = stack_of(place)
    stacks = CloudFormationStacks()
    about = Stage(place.stage, found, stacks.resources(place.stack_name))
    _agreed(about, keep_data, yes)
    _stop_models(stacks, about)
    note("Deleting the stack …")
    known = {event.id for event in stacks.events(found.id)}
    stacks.remove(found.name)
    left = follow(stacks, found.id, known)
    if left is not None and left.status != "DELETE_COMPLETE":
        raise PartcheckError(f"The stack could not be deleted ({left.status}); its events say why")
    if not keep_data:
        _remove_data(about)
    _remove_staging(stacks, account)
    _tell_remains(place.stage, as_json)


def _agreed(about: Stage, keep_data: bool, yes: bool) -> None:
    """Ask with the facts: how much would be lost."""
    from workflow.aws.disposal import contents

    if keep_data:
        note("Buckets, tables and accounts are kept.")
    else:
        for bucket in about.of(BUCKET):
            held = contents(bucket)
            note(f"Bucket {bucket}: {plural(held.versions, 'version')}, {held.bytes / 1e6:,.1f} MB")
        note(f"{plural(len(about.of(TABLE)), 'table')} with everything that is known of the photos")
    if not yes:
        wanted = click.prompt(f"Type the stage's name ({about.name}) to delete it", err=True)
        if wanted != about.name:
            raise click.Abort


def _stop_models(stacks: Any, about: Stage) -> None:
    """Stop what this stage runs, and prove that it stopped; other stages' models run on."""
    from workflow.aws.model_settings import ParameterSettings
    from workflow.aws.models import RekognitionModels

    models = RekognitionModels()
    others = {
        ParameterSettings(other.outputs["ModelParameter"]).model(): other.name
        for other in stacks.beginning_with(OURS)
        if other.name != about.stack.name and "ModelParameter" in other.outputs
    }
    parameter = about.stack.outputs.get("ModelParameter", "")
    in_use = ParameterSettings(parameter).model() if parameter else ""
    for version in models.of_project(project_of(in_use)) if in_use else ():
        if version.status not in UP:
            continue
        if version.arn in others:
            note(f"Model {version.name} runs on: {others[version.arn]} uses it.")
            continue
        note(f"Stopping model {version.name} …")
        wait_until(models, version.arn, Status.RUNNING, CLOCK, START_PATIENCE)
        models.stop(version.arn)
        stopped = wait_until(models, version.arn, Status.STOPPED, CLOCK, START_PATIENCE)
        note(f"Model {stopped.name} is {stopped.status.value.lower()}: it costs nothing any more.")
    if not in_use:
        note("No model is in use.")


def _remove_data(about: Stage) -> None:
    from workflow.aws import disposal

    for bucket in sorted(about.of(BUCKET), key=_writes_last):
        disposal.remove_bucket(bucket, lambda gone, name=bucket: note(f"{name}: {gone:,} versions deleted"))  # type: ignore[misc]
        note(f"Bucket {bucket} is deleted.")
    for made in about.of(TABLE):
        disposal.remove_table(made)
        note(f"Table {made} is deleted.")
    for pool in about.of(POOL):
        disposal.remove_user_pool(pool)
        note(f"User pool {pool} is deleted.")


def _writes_last(bucket: str) -> bool:
    """The bucket with the others' access logs goes after them."""
    return "storagelogs" in bucket


def _remove_staging(stacks: Any, account: Any) -> None:
    """The bucket for code and templates goes with the last stage."""
    from workflow.aws import disposal
    from workflow.aws.staging import Staging

    staging = Staging(account)
    if stacks.beginning_with(OURS):
        note(f"Bucket {staging.bucket} stays: other stages need it.")
    elif staging.exists():
        disposal.remove_bucket(staging.bucket, lambda _gone: None)
        note(f"Bucket {staging.bucket} is deleted.")


def _tell_remains(stage: str, as_json: bool) -> None:
    from workflow.aws.disposal import tagged

    remains = tagged(stage)
    if as_json:
        for arn in remains:
            json_line({"arn": arn, "why": reason(arn)})
    elif remains:
        table(("what remains", "why"), [(arn, reason(arn)) for arn in remains])
    else:
        note(f"Nothing that carries the tag partcheck={stage} remains.")


def reason(arn: str) -> str:
    """Why something is still there after a teardown."""
    return WHY.get(arn.split(":")[2], "AWS lists what was deleted for a while")
