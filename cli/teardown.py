"""`partcheck teardown`: a stage taken away, beginning with what costs most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.deploy import follow
from cli.halt import Claims, claims, halt, hands_off
from cli.output import json_line, note, plural, table
from cli.place import chosen_place, entered, placed_on_aws
from cli.reach import Chosen, Place, stack_of
from workflow.errors import PartcheckError

if TYPE_CHECKING:
    from workflow.aws.stacks import Resource, Stack

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
    """What a teardown is about: what holds data, and the stack, gone where an earlier one ended half-way."""

    name: str
    stack: "Stack | None"
    resources: "Sequence[Resource]"

    def of(self, kind: str) -> list[str]:
        """The names of its resources of one kind."""
        return [one.physical_id for one in self.resources if one.kind == kind]

    def named(self, kind: str, part: str) -> str:
        """Its resource of one kind with this in its name, empty without one."""
        return next((one for one in self.of(kind) if part in one.lower()), "")


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

    Asks before photos, tables and accounts are deleted; --keep-data leaves them. What other stages use stays,
    and so does a running model that is not known as this stage's. At the end it lists what remains, and why.
    If a teardown ends half-way, or kept data, the same command goes on with what is left. Models and data
    sets in Custom Labels stay: stopped, they cost nothing, and `partcheck model delete` is for them.

    \b
    Example:
      partcheck teardown --stage dev
    """
    place = chosen_place(chosen, stage, profile, region)
    from workflow.aws.models import RekognitionModels
    from workflow.aws.stacks import CloudFormationStacks

    account, stacks, models = entered(place), CloudFormationStacks(), RekognitionModels()
    about = _found(place, stacks)
    _agreed(about, keep_data, yes)
    known = _claims(about, stacks)
    running = halt(models, known)
    if about.stack is not None:
        _remove_stack(stacks, about.stack)
        running = halt(models, known)  # Photos may have started one until the stack was gone.
    if not keep_data:
        _remove_data(about)
    _remove_staging(stacks, account)
    _tell_remains(place.stage, running, as_json)


def _found(place: Place, stacks: Any) -> Stage:
    """The stage with its stack, else with what its tag still finds; NotRunning when there is neither."""
    from workflow.aws.disposal import left, still_there

    stack = stacks.find(place.stack_name)
    if stack is None or stack.in_review:
        if resources := left(place.stage):
            note(f"The stack of stage {place.stage} is gone; going on with what it left.")
            return Stage(place.stage, None, resources)
        stack, _ = stack_of(place)
    return Stage(place.stage, stack, still_there(stacks.resources(stack.name)))


def _agreed(about: Stage, keep_data: bool, yes: bool) -> None:
    """Ask with the facts: how much would be lost."""
    from workflow.aws.disposal import BUCKET, TABLE, contents

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


def _claims(about: Stage, stacks: Any) -> Claims:
    """Which models are the stage's; with the power policy out of the way, so that none is started again."""
    from workflow.aws.disposal import BUCKET, TABLE
    from workflow.aws.model_settings import ParameterSettings

    parameter = about.stack.outputs.get("ModelParameter", "") if about.stack else ""
    if parameter:
        hands_off(ParameterSettings(parameter))
    others = [one for one in stacks.beginning_with(OURS) if one.name != f"{OURS}{about.name}"]
    return claims(parameter, about.named(TABLE, "audit"), about.named(BUCKET, "storagetraining"), others)


def _remove_stack(stacks: Any, stack: "Stack") -> None:
    note("Deleting the stack …")
    known = {event.id for event in stacks.events(stack.id)}
    stacks.remove(stack.name)
    left = follow(stacks, stack.id, known)
    if left is not None and left.status != "DELETE_COMPLETE":
        raise PartcheckError(f"The stack could not be deleted ({left.status}); its events say why")


def _remove_data(about: Stage) -> None:
    from workflow.aws import disposal
    from workflow.aws.disposal import BUCKET, POOL, TABLE

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


def _tell_remains(stage: str, running: Mapping[str, str], as_json: bool) -> None:
    from workflow.aws.disposal import tagged

    remains = {**{arn: reason(arn) for arn in tagged(stage)}, **running}
    if as_json:
        for arn, why in remains.items():
            json_line({"arn": arn, "why": why})
    elif remains:
        table(("what remains", "why"), list(remains.items()))
    else:
        note(f"Nothing that carries the tag partcheck={stage} remains.")
    if running:
        stop = "aws rekognition stop-project-version --project-version-arn ARN"
        note(f"Models cost by the hour. To stop one that nobody needs: {stop}")


def reason(arn: str) -> str:
    """Why something is still there after a teardown."""
    return WHY.get(arn.split(":")[2], "AWS lists what was deleted for a while")
