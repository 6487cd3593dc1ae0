"""Buckets, tables and user pools that outlive a stack are found and deleted."""

from typing import Any

import pytest

from deployment import resource_deletion
from deployment.stacks import StackResource
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.aws.clients import client


def test_a_missing_bucket_is_no_error_and_a_missing_permission_is() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_client_error("delete_bucket_policy", "NoSuchBucket")
        resource_deletion.delete_bucket("parts", lambda _: None, client)
        stub.add_client_error("delete_bucket_policy", "AccessDenied")

        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            resource_deletion.delete_bucket("parts", lambda _: None, client)


def test_a_bucket_with_late_access_logs_is_emptied_again() -> None:
    rests: list[float] = []
    with stubbed("s3") as (client, stub):
        stub.add_response("delete_bucket_policy", {})
        stub.add_response("list_object_versions", {})
        stub.add_client_error("delete_bucket", "BucketNotEmpty")
        stub.add_response("list_object_versions", {"Versions": [{"Key": "late", "VersionId": "1"}]})
        late = {"Objects": [{"Key": "late", "VersionId": "1"}], "Quiet": True}
        stub.add_response("delete_objects", {}, {"Bucket": "logs", "Delete": late})
        stub.add_response("delete_bucket", {})

        resource_deletion.delete_bucket("logs", lambda _: None, client, rests.append)

    assert len(rests) == 1


def test_a_bucket_that_stays_full_is_an_error() -> None:
    with stubbed("s3") as (client, stub):
        stub.add_response("delete_bucket_policy", {})
        for _ in range(resource_deletion.MAX_ATTEMPTS):
            stub.add_response("list_object_versions", {})
            stub.add_client_error("delete_bucket", "BucketNotEmpty")

        with pytest.raises(client.exceptions.ClientError, match="BucketNotEmpty"):
            resource_deletion.delete_bucket("logs", lambda _: None, client, lambda _: None)


def test_a_table_in_deletion_is_waited_for() -> None:
    with stubbed("dynamodb") as (client, stub):
        stub.add_response("describe_table", {"Table": {"TableStatus": "DELETING"}})
        stub.add_client_error("describe_table", "ResourceNotFoundException")

        resource_deletion.delete_table("inspections", client)


def test_existing_retained_resources_are_found_by_their_tag(tables: Any) -> None:
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
        expected_request = {"TagFilters": [{"Key": "partcheck", "Values": ["dev"]}]}
        stub.add_response("get_resources", {"ResourceTagMappingList": found}, expected_request)

        assert resource_deletion.find_retained_resources("dev", tagging) == [
            StackResource(resource_deletion.BUCKET, "", "ours")
        ]
