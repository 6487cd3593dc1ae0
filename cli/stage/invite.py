"""`partcheck stage invite`: give a person an account of the review app."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from cli.aws_options import aws_options, resolve_target
from cli.context import CliContext, find_stack
from cli.output import note, print_json
from workflow.errors import ConfigurationError

if TYPE_CHECKING:
    from infra.settings import StageSettings
    from review_app.users import Role

ROLES = ("reviewer", "engineer", "admin")
USER_POOL_OUTPUT, URL_OUTPUT = "UserPoolId", "ReviewAppUrl"


@click.command()
@aws_options
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the person may do.")
@click.option("--json", "as_json", is_flag=True, help="Print the invitation as one JSON document.")
@click.pass_obj
def invite(
    context: CliContext, stage: str, profile: str, region: str, email: str, role: str, as_json: bool
) -> None:
    """Invite a person to the review app of a stage by e-mail, and give them a role.

    The e-mail has the address and a temporary password for three days. The same command sends it again, and
    gives an existing account another role. Accounts of another issuer than Cognito are made there.

    \b
    Example:
      partcheck stage invite ann@example.com --role reviewer --stage prod
    """
    from review_app.users import Role

    target = resolve_target(context, stage, profile, region)
    stack, _ = find_stack(target)
    result = invite_to(stack.outputs, email, Role(role))
    if as_json:
        url = stack.outputs[URL_OUTPUT]
        print_json({"email": email, "role": role, "invitation": result, "review_app": url})


def invite_to(outputs: Mapping[str, str], email: str, role: "Role") -> str:
    """Invite a person to the review app with these outputs. Return the result as a text.

    Raise ConfigurationError if the stage has no user pool.
    """
    from deployment.invitations import invite as send_invitation

    if USER_POOL_OUTPUT not in outputs:
        reason = (
            "its accounts are made at its OpenID Connect issuer"
            if URL_OUTPUT in outputs
            else "it has no review app: deploy it with --review-app"
        )
        raise ConfigurationError(f"no one can be invited to this stage: {reason}")
    result = send_invitation(outputs[USER_POOL_OUTPUT], email, role)
    note(f"Invitation of {email} as {role.value}: {result.value}. The review app is {outputs[URL_OUTPUT]}")
    return result.value


def check_admin_email(email: str, deployment: "StageSettings") -> None:
    """Raise ConfigurationError if the stage will have no user pool to which the admin could be invited."""
    if email and not deployment.review_app:
        raise ConfigurationError("--admin-email is for the review app, which --no-review-app leaves out")
    if email and deployment.oidc_issuer:
        raise ConfigurationError(
            f"--admin-email is for a Cognito user pool: make the account at {deployment.oidc_issuer}"
        )
