"""People get an account and a role: once, again, or as a further role."""

import pytest

from deployment.invitations import Invitation, invite
from review_app.users import Role
from tests.unit.workflow.aws.stubbed_client import stubbed

ACCOUNT = {"UserPoolId": "pool", "Username": "ann@example.com"}
MAIL = {**ACCOUNT, "DesiredDeliveryMediums": ["EMAIL"]}
ATTRIBUTES = [{"Name": "email", "Value": "ann@example.com"}, {"Name": "email_verified", "Value": "true"}]


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("", Invitation.SENT),
        ("FORCE_CHANGE_PASSWORD", Invitation.SENT_AGAIN),
        ("CONFIRMED", Invitation.ACCEPTED_BEFORE),
    ],
)
def test_a_person_is_invited_once_and_gets_the_role_each_time(status: str, result: Invitation) -> None:
    with stubbed("cognito-idp") as (client, stub):
        if status:
            stub.add_client_error("admin_create_user", "UsernameExistsException")
            stub.add_response("admin_get_user", {"Username": "id", "UserStatus": status}, ACCOUNT)
        else:
            stub.add_response("admin_create_user", {}, {**MAIL, "UserAttributes": ATTRIBUTES})
        if result is Invitation.SENT_AGAIN:
            stub.add_response("admin_create_user", {}, {**MAIL, "MessageAction": "RESEND"})
        stub.add_response("admin_add_user_to_group", {}, {**ACCOUNT, "GroupName": "engineer"})

        assert invite("pool", "ann@example.com", Role.ENGINEER, client) is result


def test_a_refused_address_is_an_error_and_no_one_gets_a_role() -> None:
    with stubbed("cognito-idp") as (client, stub):
        stub.add_client_error(
            "admin_create_user", "InvalidParameterException", "Invalid email address format."
        )

        with pytest.raises(client.exceptions.ClientError, match="Invalid email address format"):
            invite("pool", "ann", Role.REVIEWER, client)
