"""The options of commands that work with one stage on AWS, and the account they lead to."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.reach import Chosen, Place

if TYPE_CHECKING:
    from workflow.aws.account import Account

DEFAULT_STAGE = "dev"


def placed_on_aws(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --stage, --profile and --region; they may stand before the command's name as well."""
    for option in (
        click.option("--region", default="", help="The AWS region.  [default: the profile's]"),
        click.option("--profile", default="", help="The AWS profile.  [default: AWS_PROFILE]"),
        click.option("--stage", default="", help=f"Which stage.  [default: {DEFAULT_STAGE}]"),
    ):
        command = option(command)
    return command


def chosen_place(chosen: Chosen, stage: str, profile: str, region: str) -> Place:
    """The place that options after or before the command's name, or the defaults, say."""
    before = chosen.place
    return replace(
        before,
        stage=stage or before.stage or DEFAULT_STAGE,
        profile=profile or before.profile,
        region=region or before.region,
    )


def entered(place: Place) -> "Account":
    """The account and region that the place leads to, from now on those of all AWS clients."""
    from workflow.aws.account import account

    place.adopt()
    return account()
