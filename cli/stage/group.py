"""`partcheck stage`: the command group."""

import click

from cli.stage.check import check
from cli.stage.deploy import deploy
from cli.stage.destroy import destroy
from cli.stage.invite import invite
from cli.stage.smoke_test import smoke_test
from cli.stage.status import status


@click.group()
def stage() -> None:
    """Deploy, check and destroy a stage on AWS.

    \b
    Deploy or update:  partcheck stage deploy --stage dev
    Invite people:     partcheck stage invite ann@example.com --role reviewer --stage dev
    Test it:           partcheck stage smoke-test --stage dev
    Remove it:         partcheck stage destroy --stage dev
    """


for command in (check, deploy, invite, status, smoke_test, destroy):
    stage.add_command(command)
