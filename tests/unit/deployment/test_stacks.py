"""Stacks and change sets are read from CloudFormation's answers."""

from typing import Any

import pytest
from botocore.stub import Stubber

from deployment.stacks import CloudFormationStacks, PlannedChange
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.errors import PartcheckError


def test_a_stack_that_does_not_exist_is_none() -> None:
    with stubbed("cloudformation") as (client, stub):
        stub.add_client_error(
            "describe_stacks", "ValidationError", "Stack with id partcheck-dev does not exist"
        )

        assert CloudFormationStacks(client).find("partcheck-dev") is None


def planned(stub: Stubber, *answers: dict[str, Any]) -> None:
    stub.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
    stub.add_response("create_change_set", {"Id": "plan-1"})
    common = {"ChangeSetId": "plan-1", "StackId": "s", "ChangeSetName": "n", "StackName": "s"}
    for answer in answers:
        stub.add_response("describe_change_set", {**common, **answer})


def test_changes_are_awaited_and_read_page_by_page() -> None:
    def change_answer(name: str, replacement: str) -> dict[str, Any]:
        change = {"Action": "Modify", "ResourceType": "AWS::SQS::Queue", "LogicalResourceId": name}
        return {"Type": "Resource", "ResourceChange": {**change, "Replacement": replacement}}

    rests: list[float] = []
    with stubbed("cloudformation") as (client, stub):
        planned(
            stub,
            {"Status": "CREATE_IN_PROGRESS"},
            {"Status": "CREATE_COMPLETE", "Changes": [change_answer("A", "True")], "NextToken": "more"},
            {"Status": "CREATE_COMPLETE", "Changes": [change_answer("B", "False")]},
        )

        plan, changes = CloudFormationStacks(client, rests.append).create_change_set("s", "https://t", {}, {})

    assert (plan, len(rests)) == ("plan-1", 1)
    assert changes == [
        PlannedChange(action="Modify", resource_type="AWS::SQS::Queue", logical_id="A", replaces=True),
        PlannedChange(action="Modify", resource_type="AWS::SQS::Queue", logical_id="B", replaces=False),
    ]


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("The submitted information didn't contain changes. Submit different information.", False),
        ("No updates are to be performed.", False),
        ("Template error: resource X does not support attribute Y", True),
    ],
)
def test_no_changes_are_no_error_and_a_rejected_template_is(reason: str, refused: bool) -> None:
    with stubbed("cloudformation") as (client, stub):
        planned(stub, {"Status": "FAILED", "StatusReason": reason})
        stacks = CloudFormationStacks(client)

        if refused:
            found = {"LogicalResourceId": "Inbound", "ValidationStatusReason": "the name is taken"}
            stub.add_response(
                "describe_events", {"OperationEvents": [{**found, "ValidationPath": "/Name"}, {}]}
            )
            stub.add_response("delete_change_set", {}, {"ChangeSetName": "plan-1"})
            stub.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
            with pytest.raises(
                PartcheckError, match=r"Template error.*; Inbound \(/Name\): the name is taken$"
            ):
                stacks.create_change_set("s", "https://t", {}, {})
        else:
            assert stacks.create_change_set("s", "https://t", {}, {})[1] == []
