"""`partcheck stage deploy`: deploy a stage on AWS or update it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from cli.aws_options import aws_options, resolve_account, resolve_target
from cli.context import AwsTarget, CliContext, require_usable_stack
from cli.output import format_counts, note, print_json, print_table
from cli.printed_command import printed_command
from cli.stage.invite import USER_POOL_OUTPUT, check_admin_email, invite_to
from workflow.errors import ConfigurationError, PartcheckError
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from deployment.account import AwsAccount
    from deployment.stacks import PlannedChange, Stack, StackEvent
    from infra.settings import StageSettings

SUFFICIENT_CONCURRENCY = 200  # Lambda keeps 100 unreserved, and some functions reserve their own.
DATA_RESOURCES = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Cognito::UserPool")
SUCCESSFUL_STATUSES = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@click.command()
@aws_options
@click.option(
    "--review-app/--no-review-app",
    default=None,
    help="Deploy the web app for reviewers, or leave it out.  [default: deploy it]",
)
@click.option(
    "--domain", help="The review app's domain, such as review.example.com.  [default: CloudFront's address]"
)
@click.option(
    "--certificate", "certificate_arn", metavar="ARN", help="The domain's certificate in this region."
)
@click.option(
    "--hosted-zone",
    "hosted_zone_id",
    metavar="ID",
    help="The Route 53 zone in which certificate and name are created.",
)
@click.option(
    "--oidc-issuer", metavar="URL", help="The OpenID Connect issuer.  [default: a Cognito user pool]"
)
@click.option("--oidc-client-id", help="The review app's client id at that issuer.")
@click.option("--oidc-secret", "oidc_secret_arn", metavar="ARN", help="The client secret in Secrets Manager.")
@click.option("--admin-email", default="", help="Invite this person as the review app's first admin.")
@click.option("--alarm-email", help="The address that gets alarms.")
@click.option(
    "--max-in-flight",
    type=click.IntRange(1, 10_000),
    help="How many inspections run at once.  [default: 200]",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the stage's addresses as one JSON document.")
@click.pass_obj
def deploy(
    context: CliContext,
    /,
    stage: str,
    profile: str,
    region: str,
    admin_email: str,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Deploy a stage on AWS, or update it.

    Checks account, region and quotas, shows the changes and their cost, asks for confirmation, and reports
    the progress. Settings that are not given keep their value from the last deployment. An empty value
    removes a setting, as in --alarm-email "". Without --domain the review app is at an address that
    CloudFront gives; with --no-review-app people use `partcheck --stage … review decide`. The deployment
    neither trains nor starts a model.

    \b
    Examples:
      partcheck stage deploy --stage dev --admin-email ann@example.com
      partcheck stage deploy --stage prod --region eu-central-1 --domain review.example.com \\
        --hosted-zone Z0123456789 --alarm-email operator@example.com
    """
    target = resolve_target(context, stage, profile, region)
    from deployment.account import check_domain_in_zone
    from deployment.stacks import CloudFormationStacks
    from infra.settings import StageSettings

    StageSettings(stage=target.stage)  # Rejects an invalid stage name before the first request to AWS.
    account = resolve_account(target)
    before = CloudFormationStacks().find(target.stack_name)
    require_usable_stack(before, target)
    note(f"Account {account.id}, region {account.region}, as {account.caller_arn}")
    deployment = _merge_settings(target.stage, before.outputs if before else {}, options)
    check_admin_email(admin_email, deployment)
    concurrency = _check_account(account)
    if deployment.hosted_zone_id:
        check_domain_in_zone(deployment.domain, deployment.hosted_zone_id)
    deployment = replace(deployment, small_account=concurrency < SUFFICIENT_CONCURRENCY)
    for warning in _warnings(concurrency, deployment):
        note(f"Warning: {warning}")
    with TemporaryDirectory(prefix="partcheck-") as scratch:
        stack = _deploy(deployment, target, account, Path(scratch), yes)
    _print_addresses(stack, as_json)
    _print_next_steps(stack, target, admin_email)


def _print_addresses(stack: "Stack", as_json: bool) -> None:
    """Print the stack's outputs without those that only the next deployment reads."""
    from infra.settings import SETTINGS_OUTPUT

    addresses = {name: value for name, value in stack.outputs.items() if name != SETTINGS_OUTPUT}
    if as_json:
        print_json(addresses)
    else:
        print_table(("output", "value"), sorted(addresses.items()))


def _print_next_steps(stack: "Stack", target: AwsTarget, admin_email: str) -> None:
    """Invite the first admin, or say how, and print the commands that follow."""
    from review_app.users import Role

    if admin_email:
        invite_to(stack.outputs, admin_email, Role.ADMIN)
    elif USER_POOL_OUTPUT in stack.outputs:
        note(f"Invite people: {printed_command('stage invite EMAIL --role admin', target)}")
    note(
        f"Next: {printed_command('stage smoke-test', target)}; then a model: "
        f"{printed_command('dataset import FOLDER', target)} (docs/deploy.md)"
    )


def _merge_settings(stage: str, outputs: Mapping[str, str], options: Mapping[str, Any]) -> "StageSettings":
    """Return the settings of the options, and those of the last deployment for options that are not given."""
    from infra import settings

    given = {name: value for name, value in options.items() if value is not None}
    kept = settings.carry_over(outputs, given)
    if kept:
        note("Unchanged settings: " + ", ".join(f"{name} {value}" for name, value in kept.items()))
    return settings.StageSettings(stage=stage, **given, **kept)


def _check_account(account: "AwsAccount") -> int:
    """Return the account's concurrency limit. Raise ConfigurationError for an unsupported region."""
    from deployment.account import CUSTOM_LABELS_REGIONS, get_concurrency_limit

    if account.region not in CUSTOM_LABELS_REGIONS:
        raise ConfigurationError(
            f"Rekognition Custom Labels is not offered in {account.region}: choose one of "
            + ", ".join(sorted(CUSTOM_LABELS_REGIONS))
        )
    return get_concurrency_limit()


def _warnings(concurrency: int, deployment: "StageSettings") -> Iterable[str]:
    """Yield warnings about limits and missing settings."""
    if deployment.small_account:
        yield (
            f"this account may run {concurrency} functions at once: photos will queue up. Raise it with "
            "`aws service-quotas request-service-quota-increase --service-code lambda "
            "--quota-code L-B99A9384 --desired-value 1000`."
        )
    if not deployment.alarm_email:
        yield "alarms have no recipient: set one with --alarm-email."


def _deploy(
    deployment: "StageSettings", target: AwsTarget, account: "AwsAccount", scratch: Path, yes: bool
) -> "Stack":
    """Synthesise, show the changes, ask, and deploy. Raise PartcheckError if CloudFormation fails."""
    from deployment.asset_bucket import StagingBucket
    from deployment.stacks import CloudFormationStacks
    from infra.app import synthesise
    from infra.bundle import PYTHON, find_functions_python

    if not find_functions_python():
        note(
            f"Warning: python{PYTHON} is not installed: the functions get no bytecode, and the first photo "
            "takes some seconds longer."
        )
    note("Bundling the functions and writing the template …")
    template = synthesise(deployment, scratch, with_packages=True)
    staging, stacks = StagingBucket(account), CloudFormationStacks()
    if not yes and not staging.exists():
        click.confirm(f"Create the bucket {staging.bucket} for code and templates?", abort=True, err=True)
    staging.create()
    for key in staging.upload_assets(scratch):
        note(f"Uploaded {key[:16]}…")
    parameters = _find_template_parameters(deployment)
    address = staging.upload_template(template.read_text(encoding="utf-8"))
    change_set, changes = stacks.create_change_set(
        deployment.stack_name, address, parameters, {"partcheck": deployment.stage}
    )
    _print_changes(changes, deployment)
    if not changes:
        _create_parameters(deployment)
        stacks.discard_change_set(deployment.stack_name, change_set)
        return _require(stacks.find(deployment.stack_name), deployment.stack_name)
    try:
        _reject_data_loss(changes)
        if not yes:
            click.confirm("Deploy these changes?", abort=True, err=True)
    except (click.Abort, PartcheckError):
        stacks.discard_change_set(deployment.stack_name, change_set)
        raise
    _create_parameters(deployment)
    known = {event.id for event in stacks.events(deployment.stack_name)}
    stacks.execute_change_set(change_set)
    stack = follow_stack(stacks, deployment.stack_name, known)
    require_usable_stack(stack, target)
    if stack is None or stack.status not in SUCCESSFUL_STATUSES:
        raise PartcheckError(f"The deployment failed ({stack.status if stack else 'the stack is gone'})")
    return stack


def _create_parameters(deployment: "StageSettings") -> None:
    """Create the parameters that commands change. A later deployment leaves their values as they are."""
    from infra.parameters import Parameters
    from workflow.aws.parameters import create_missing_parameters

    values = Parameters(deployment.stage).initial_values()
    for name in create_missing_parameters(values, {"partcheck": deployment.stage}):
        note(f"Created the parameter {name}.")


def _find_template_parameters(deployment: "StageSettings") -> dict[str, str]:
    """Look up the template's parameters: the newest platform, two zones, and the addresses of CloudFront."""
    from deployment.account import find_cloudfront_prefix_list, find_latest_python_platform, find_zones
    from infra.bundle import PYTHON
    from infra.entrances import PREFIX_LIST_PARAMETER
    from infra.review_app import PLATFORM_PARAMETER
    from infra.review_network import ZONES_PARAMETER

    if not deployment.review_app:
        return {}
    values = {PLATFORM_PARAMETER: find_latest_python_platform(PYTHON), ZONES_PARAMETER: find_zones()}
    if not deployment.domain:
        values[PREFIX_LIST_PARAMETER] = find_cloudfront_prefix_list()
    return values


def follow_stack(
    stacks: Any, stack_id: str, known: set[str], at_each_poll: Callable[[], object] = lambda: None
) -> "Stack | None":
    """Print a stack's events until its operation ends. Return the stack, or None if it is deleted."""
    last = None
    for stack, events in stacks.follow(stack_id, known):
        last = stack
        for line in format_events(events):
            note(line)
        at_each_poll()
    return last if stacks.find(stack_id) else None


def format_events(events: "Sequence[StackEvent]") -> Iterable[str]:
    """Yield the failures with their reasons, and the completed resources."""
    for event in events:
        if event.status.endswith("_FAILED"):
            yield f"{event.logical_id} ({event.resource_type}): {event.status.lower()}: {event.reason}"
        elif event.status.endswith("_COMPLETE"):
            yield f"{event.logical_id}: {event.status.lower().replace('_', ' ')}"


def _print_changes(changes: "Sequence[PlannedChange]", deployment: "StageSettings") -> None:
    """Print the changes and their cost."""
    from infra.cost import summarize_stage_cost

    if not changes:
        note(f"The stage {deployment.stage} is up to date.")
        return
    actions = Counter(change.action for change in changes)
    words = {action: f"to {action.lower()}" for action in actions}
    note(f"{deployment.stack_name}: {format_counts({words[name]: count for name, count in actions.items()})}")
    kinds = Counter((change.action, change.resource_type) for change in changes)
    print_table(
        ("action", "resource", "count"),
        [(a.lower(), k, str(n)) for (a, k), n in sorted(kinds.items())],
        ("count",),
    )
    note(summarize_stage_cost(deployment.review_app, bool(deployment.domain)))


def _reject_data_loss(changes: "Sequence[PlannedChange]") -> None:
    """Raise PartcheckError if a change removes or replaces a resource that holds data."""
    losses = [
        change
        for change in changes
        if change.resource_type in DATA_RESOURCES and (change.replaces or change.action == "Remove")
    ]
    if losses:
        names = ", ".join(change.logical_id for change in losses)
        raise PartcheckError(
            f"This would delete or replace {pluralize(len(losses), 'resource')} with data: {names}"
        )


def _require(stack: "Stack | None", name: str) -> "Stack":
    if stack is None:
        raise PartcheckError(f"The stack {name} does not exist any more")
    return stack
