"""What AWS answers about accounts, platforms, stacks and their remains is read as a deployment means it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from workflow.aws import account, disposal, watch
from workflow.aws.clients import client
from workflow.aws.stacks import Change, CloudFormationStacks, Resource
from workflow.aws.traces import take_message
from workflow.errors import ConfigurationError, PartcheckError

BRANCH = "Python 3.13 running on 64bit Amazon Linux 2023"
PLATFORM = f"arn:aws:elasticbeanstalk:eu-central-1::platform/{BRANCH}"


@contextmanager
def stubbed(service: str, region: str | None = "eu-central-1") -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_the_account_is_told_with_its_region_and_who_asks() -> None:
    with stubbed("sts") as (client, stub):
        stub.add_response(
            "get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ann"}
        )

        found = account.account(client)

    assert (found.id, found.region) == ("123456789012", "eu-central-1")


@pytest.mark.parametrize(
    ("versions", "newest"), [(("4.9.2", "4.10.0", "4.2.11"), "4.10.0"), (("4.0.1",), "4.0.1")]
)
def test_the_newest_platform_is_found_by_number_not_by_letter(versions: tuple[str, ...], newest: str) -> None:
    with stubbed("elasticbeanstalk") as (client, stub):
        offered = [{"PlatformArn": f"{PLATFORM}/{version}"} for version in versions]
        asked = {"Filters": [{"Type": "PlatformBranchName", "Operator": "=", "Values": [BRANCH]}]}
        stub.add_response("list_platform_versions", {"PlatformSummaryList": offered}, asked)

        assert account.newest_python_platform("3.13", client) == f"{PLATFORM}/{newest}"


def test_a_platform_that_is_not_offered_is_named() -> None:
    with stubbed("elasticbeanstalk") as (client, stub):
        stub.add_response("list_platform_versions", {"PlatformSummaryList": []})

        with pytest.raises(ConfigurationError, match=BRANCH):
            account.newest_python_platform("3.13", client)


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


def test_a_plan_is_waited_for_and_read_page_by_page() -> None:
    def one(name: str, replacement: str) -> dict[str, Any]:
        change = {"Action": "Modify", "ResourceType": "AWS::SQS::Queue", "LogicalResourceId": name}
        return {"Type": "Resource", "ResourceChange": {**change, "Replacement": replacement}}

    rests: list[float] = []
    with stubbed("cloudformation") as (client, stub):
        planned(
            stub,
            {"Status": "CREATE_IN_PROGRESS"},
            {"Status": "CREATE_COMPLETE", "Changes": [one("A", "True")], "NextToken": "more"},
            {"Status": "CREATE_COMPLETE", "Changes": [one("B", "False")]},
        )

        plan, changes = CloudFormationStacks(client, rests.append).plan("s", "https://t", {}, {})

    assert (plan, len(rests)) == ("plan-1", 1)
    assert changes == [
        Change("Modify", "AWS::SQS::Queue", "A", True),
        Change("Modify", "AWS::SQS::Queue", "B", False),
    ]


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("The submitted information didn't contain changes. Submit different information.", False),
        ("No updates are to be performed.", False),
        ("Template error: resource X does not support attribute Y", True),
    ],
)
def test_a_plan_without_changes_is_no_failure_and_a_refused_template_is(reason: str, refused: bool) -> None:
    with stubbed("cloudformation") as (client, stub):
        planned(stub, {"Status": "FAILED", "StatusReason": reason})
        stacks = CloudFormationStacks(client)

        if refused:
            with pytest.raises(PartcheckError, match="refuses the template: Template error"):
                stacks.plan("s", "https://t", {}, {})
        else:
            assert stacks.plan("s", "https://t", {}, {})[1] == []


def test_a_message_is_taken_among_others_which_stay_visible() -> None:
    asked = {"QueueUrl": "q", "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 1}
    with stubbed("sqs") as (client, stub):
        messages = [{"Body": body, "ReceiptHandle": f"handle of {body}"} for body in ("theirs", "ours")]
        stub.add_response("receive_message", {"Messages": messages}, asked)
        stub.add_response("delete_message", {}, {"QueueUrl": "q", "ReceiptHandle": "handle of ours"})

        assert take_message("q", "ours", client) is True


def test_a_message_that_somebody_read_already_is_not_waited_for() -> None:
    with stubbed("sqs") as (client, stub):
        stub.add_response("receive_message", {})

        assert take_message("q", "ours", client) is False


def test_a_bucket_that_is_gone_already_is_no_failure_and_a_missing_right_is() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_client_error("delete_bucket_policy", "NoSuchBucket")
        disposal.remove_bucket("parts", lambda _: None, client)
        stub.add_client_error("delete_bucket_policy", "AccessDenied")

        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            disposal.remove_bucket("parts", lambda _: None, client)


def test_messages_that_are_being_worked_on_wait_too() -> None:
    with stubbed("sqs") as (client, stub):
        counts = {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "2"}
        stub.add_response("get_queue_attributes", {"Attributes": counts})

        assert watch.waiting("q", client) == 5


def test_alarms_are_asked_for_by_name_a_hundred_at_once() -> None:
    names = [f"alarm-{number}" for number in range(150)]
    with stubbed("cloudwatch") as (client, stub):
        for some in (names[:100], names[100:]):
            found = [{"AlarmName": name, "StateValue": "OK"} for name in some]
            stub.add_response("describe_alarms", {"MetricAlarms": found}, {"AlarmNames": some})

        assert [alarm.name for alarm in watch.alarms(names, client)] == names


def test_a_bucket_in_which_late_access_logs_arrive_is_emptied_once_more() -> None:
    rests: list[float] = []
    with stubbed("s3") as (client, stub):
        stub.add_response("delete_bucket_policy", {})
        stub.add_response("list_object_versions", {})
        stub.add_client_error("delete_bucket", "BucketNotEmpty")
        stub.add_response("list_object_versions", {"Versions": [{"Key": "late", "VersionId": "1"}]})
        late = {"Objects": [{"Key": "late", "VersionId": "1"}], "Quiet": True}
        stub.add_response("delete_objects", {}, {"Bucket": "logs", "Delete": late})
        stub.add_response("delete_bucket", {})

        disposal.remove_bucket("logs", lambda _: None, client, rests.append)

    assert len(rests) == 1


def test_a_bucket_that_is_never_empty_is_given_up_on() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("delete_bucket_policy", {})
        for _ in range(disposal.ROUNDS):
            stub.add_response("list_object_versions", {})
            stub.add_client_error("delete_bucket", "BucketNotEmpty")

        with pytest.raises(client.exceptions.ClientError, match="BucketNotEmpty"):
            disposal.remove_bucket("logs", lambda _: None, client, lambda _: None)


def test_a_table_whose_deletion_goes_on_is_waited_for() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_response("describe_table", {"Table": {"TableStatus": "DELETING"}})
        stub.add_client_error("describe_table", "ResourceNotFoundException")

        disposal.remove_table("ledger", client)


def test_what_a_stack_left_is_found_by_its_tag_as_far_as_it_is_still_there(tables: Any) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    client("s3").create_bucket(Bucket="ours", CreateBucketConfiguration=place)
    names = (
        "s3:::ours",
        "s3:::gone",
        "dynamodb:eu-central-1:1:table/gone",
        "logs:eu-central-1:1:log-group:/a",
    )
    with stubbed("resourcegroupstaggingapi") as (tagging, stub):
        found = [{"ResourceARN": f"arn:aws:{name}"} for name in names]
        asked = {"TagFilters": [{"Key": "partcheck", "Values": ["dev"]}]}
        stub.add_response("get_resources", {"ResourceTagMappingList": found}, asked)

        assert disposal.left("dev", tagging) == [Resource(disposal.BUCKET, "", "ours")]
