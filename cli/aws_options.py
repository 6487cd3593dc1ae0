"""Options of the commands that work with a stage on AWS, and their AWS account."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.context import AwsTarget, CliContext

if TYPE_CHECKING:
    from deployment.account import AwsAccount

DEFAULT_STAGE = "dev"


def aws_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --stage, --profile and --region. They are also allowed before the command's name."""
    for option in (
        click.option("--region", default="", help="The AWS region.  [default: the profile's region]"),
        click.option("--profile", default="", help="The AWS profile.  [default: AWS_PROFILE]"),
        click.option("--stage", default="", help=f"The stage.  [default: {DEFAULT_STAGE}]"),
    ):
        command = option(command)
    return command


def resolve_target(context: CliContext, stage: str, profile: str, region: str) -> AwsTarget:
    """Return the target of the options after the command's name, else those before it, else the defaults."""
    outer = context.target
    return replace(
        outer,
        stage=stage or outer.stage or DEFAULT_STAGE,
        profile=profile or outer.profile,
        region=region or outer.region,
    )


def resolve_account(target: AwsTarget) -> "AwsAccount":
    """Configure all AWS clients for the target, and return its account and region."""
    from deployment.account import get_account

    target.configure_clients()
    return get_account()
