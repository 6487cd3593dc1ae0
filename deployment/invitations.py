"""Invitations to the review app: accounts in the stage's Cognito user pool, each with a role."""

from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from review_app.users import Role
from workflow.aws.clients import client


class Invitation(StrEnum):
    """The result of an invitation."""

    SENT = "sent"
    SENT_AGAIN = "sent again, because it was not accepted yet"
    ACCEPTED_BEFORE = "not sent, because the account exists"


def invite(pool: str, email: str, role: Role, cognito: Any = None) -> Invitation:
    """Invite a person by e-mail and give them a role. Roles that an account has already stay."""
    service = cognito or client("cognito-idp")
    account = {"UserPoolId": pool, "Username": email}
    mail = {**account, "DesiredDeliveryMediums": ["EMAIL"]}
    attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
    result = Invitation.SENT
    try:
        service.admin_create_user(**mail, UserAttributes=attributes)
    except ClientError as error:
        if error.response["Error"]["Code"] != "UsernameExistsException":
            raise
        result = Invitation.ACCEPTED_BEFORE
        if service.admin_get_user(**account)["UserStatus"] == "FORCE_CHANGE_PASSWORD":
            service.admin_create_user(**mail, MessageAction="RESEND")
            result = Invitation.SENT_AGAIN
    service.admin_add_user_to_group(**account, GroupName=role.value)
    return result
