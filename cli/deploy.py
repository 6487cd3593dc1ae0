"""`partcheck deploy`: one stage of the line on AWS, made or brought up to date."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from cli.output import json_document, note, plural, table, tally
from cli.place import chosen_place, entered, placed_on_aws
from cli.reach import Chosen, refuse_dead_end
from workflow.errors import ConfigurationError, PartcheckError

if TYPE_CHECKING:
    from infra.settings import Deployment
    from workflow.aws.account import Account
    from workflow.aws.stacks import Change, Event, Stack

ENOUGH_AT_ONCE = 200  # Lambda keeps 100 for everybody; some are set aside for functions that run alone.
HOLDING_DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Cognito::UserPool")
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@click.command()
@placed_on_aws
@click.option("--domain", help="Where people review, such as review.example.com.")
@click.option(
    "--certificate", "certificate_arn", metavar="ARN", help="The domain's certificate in this region."
)
@click.option(
    "--hosted-zone", "hosted_zone_id", metavar="ID", help="Route 53 zone: make certificate and name there."
)
@click.option("--oidc-issuer", metavar="URL", help="Sign in there.  [default: a Cognito user pool]")
@click.option("--oidc-client-id", help="The review app's id at that issuer.")
@click.option("--oidc-secret", "oidc_secret_arn", metavar="ARN", help="Its secret, kept in Secrets Manager.")
@click.option("--alarm-email", help="Who is told of alarms.")
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, 10_000),
    help="How many inspections run at once.  [default: 200]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The line's addresses as one JSON document.")
@click.pass_obj
def deploy(
    chosen: Chosen, /, stage: str, profile: str, region: str, yes: bool, as_json: bool, **given: Any
) -> None:
    """Make a stage of the line on AWS, or bring it up to date.

    Checks account, region and quotas, shows what will be made or changed and what it costs, asks, and then
    tells how it goes. Settings that are not named stay as the last deployment left them; an empty value takes
    one away, as in --alarm-email "". Without --domain there is no review app; people then decide with
    `partcheck --stage … decide`. A model is neither made nor started.

    \b
    Examples:
      partcheck deploy --stage dev
      partcheck deploy --stage prod --region eu-central-1 --domain review.example.com \\
        --hosted-zone Z0123456789 --alarm-email operator@example.com
    """
    place = chosen_place(chosen, stage, profile, region)
    from infra.settings import OUTPUT, Deployment
    from workflow.aws.stacks import CloudFormationStacks

    Deployment(place.stage)  # A name that no stage can have is told before AWS is asked for it.
    account = entered(place)
    before = CloudFormationStacks().find(place.stack_name)
    refuse_dead_end(before, place.stage)
    note(f"Account {account.id}, region {account.region}, as {account.who}")
    deployment = _deployment(place.stage, before.outputs if before else {}, given)
    at_once = _at_once(account)
    deployment = replace(deployment, small_account=at_once < ENOUGH_AT_ONCE)
    for warning in _warnings(at_once, deployment):
        note(f"Warning: {warning}")
    with TemporaryDirectory(prefix="partcheck-") as scratch:
        stack = _carried_out(deployment, account, Path(scratch), yes)
    addresses = {name: value for name, value in stack.outputs.items() if name != OUTPUT}
    if as_json:
        json_document(addresses)
    else:
        table(("what", "where"), sorted(addresses.items()))
    note(
        f"Next: partcheck smoke --stage {place.stage}; then a model: "
        f"partcheck --stage {place.stage} model import FOLDER (docs/deploy.md)"
    )


def _deployment(stage: str, outputs: Mapping[str, str], given: Mapping[str, Any]) -> "Deployment":
    """What was given, and what the last deployment told its stack's outputs."""
    from infra import settings

    named = {name: value for name, value in given.items() if value is not None}
    kept = settings.kept(outputs, named)
    if kept:
        note("As before: " + ", ".join(f"{name} {value}" for name, value in kept.items()))
    return settings.Deployment(stage=stage, **named, **kept)


def _at_once(account: "Account") -> int:
    """How many functions may run at once there; ConfigurationError where the line cannot work at all."""
    from workflow.aws.account import CUSTOM_LABELS_REGIONS, functions_at_once

    if account.region not in CUSTOM_LABELS_REGIONS:
        raise ConfigurationError(
            f"Rekognition Custom Labels is not offered in {account.region}: choose one of "
            + ", ".join(sorted(CUSTOM_LABELS_REGIONS))
        )
    return functions_at_once()


def _warnings(at_once: int, deployment: "Deployment") -> Iterable[str]:
    """What may disappoint later."""
    if deployment.small_account:
        yield (
            f"this account may run {at_once} functions at once: photos will queue up. Ask for more with "
            "`aws service-quotas request-service-quota-increase --service-code lambda "
            "--quota-code L-B99A9384 --desired-value 1000`."
        )
    if not deployment.alarm_email:
        yield "nobody is told of alarms: name somebody with --alarm-email."


def _carried_out(deployment: "Deployment", account: "Account", scratch: Path, yes: bool) -> "Stack":
    """Synthesise, plan, ask, deploy; PartcheckError when CloudFormation fails."""
    from infra.app import synthesise
    from infra.bundle import PYTHON
    from infra.review_site import PLATFORM
    from workflow.aws.account import newest_python_platform
    from workflow.aws.stacks import CloudFormationStacks
    from workflow.aws.staging import Staging

    note("Collecting the functions' packages, writing the template …")
    template = synthesise(deployment, scratch, with_packages=True)
    staging, stacks = Staging(account), CloudFormationStacks()
    if not yes and not staging.exists():
        click.confirm(f"Make the bucket {staging.bucket} for code and templates?", abort=True, err=True)
    staging.make()
    for key in staging.publish(scratch):
        note(f"Uploaded {key[:16]}…")
    parameters = {PLATFORM: newest_python_platform(PYTHON)} if deployment.has_review_app else {}
    address = staging.put_template(template.read_text(encoding="utf-8"))
    plan, changes = stacks.plan(deployment.stack_name, address, parameters, {"partcheck": deployment.stage})
    _tell(changes, deployment)
    if not changes:
        stacks.drop_plan(deployment.stack_name, plan)
        return _there(stacks.find(deployment.stack_name), deployment.stack_name)
    try:
        _refuse_losses(changes)
        if not yes:
            click.confirm("Do it?", abort=True, err=True)
    except (click.Abort, PartcheckError):
        stacks.drop_plan(deployment.stack_name, plan)
        raise
    known = {event.id for event in stacks.events(deployment.stack_name)}
    stacks.carry_out(plan)
    stack = follow(stacks, deployment.stack_name, known)
    refuse_dead_end(stack, deployment.stage)
    if stack is None or stack.status not in GOOD:
        raise PartcheckError(f"The deployment failed ({stack.status if stack else 'the stack is gone'})")
    return stack


def follow(stacks: Any, stack_id: str, known: set[str]) -> "Stack | None":
    """Tell what happens to a stack until nothing more does; the stack as it is then, None when it is gone."""
    last = None
    for stack, events in stacks.followed(stack_id, known):
        last = stack
        for line in worth_telling(events):
            note(line)
    return last if stacks.find(stack_id) else None


def worth_telling(events: "Sequence[Event]") -> Iterable[str]:
    """Failures with their reasons, and what is done; not each beginning."""
    for event in events:
        if event.status.endswith("_FAILED"):
            yield f"{event.logical_id} ({event.kind}): {event.status.lower()}: {event.reason}"
        elif event.status.endswith("_COMPLETE"):
            yield f"{event.logical_id}: {event.status.lower().replace('_', ' ')}"


def _tell(changes: "Sequence[Change]", deployment: "Deployment") -> None:
    """What would be done, and what it costs."""
    from infra import cost
    from infra.prices import usd

    if not changes:
        note(f"The stage {deployment.stage} is as it should be.")
        return
    actions = Counter(change.action for change in changes)
    words = {action: f"to {action.lower()}" for action in actions}
    note(f"{deployment.stack_name}: {tally({words[name]: count for name, count in actions.items()})}")
    kinds = Counter((change.action, change.kind) for change in changes)
    table(
        ("", "what", "how many"),
        [(a.lower(), k, str(n)) for (a, k), n in sorted(kinds.items())],
        ("how many",),
    )
    idle = cost.total(cost.idle(deployment.has_review_app))
    photos, model = cost.total(cost.a_thousand_photos()), usd("model", 1)
    note(
        f"About US${idle:.0f} a month when idle, US${photos:.2f} for 1,000 photos, US${model:.0f} an hour "
        "for each inference unit while a model runs (docs/cost.md)."
    )


def _refuse_losses(changes: "Sequence[Change]") -> None:
    """What holds data is neither removed nor replaced by a deployment."""
    losses = [
        change
        for change in changes
        if change.kind in HOLDING_DATA and (change.replaces or change.action == "Remove")
    ]
    if losses:
        names = ", ".join(change.logical_id for change in losses)
        raise PartcheckError(
            f"This would put empty resources in the place of {plural(len(losses), 'resource')} "
            f"with data: {names}"
        )


def _there(stack: "Stack | None", name: str) -> "Stack":
    if stack is None:
        raise PartcheckError(f"CloudFormation does not know the stack {name} any more")
    return stack
