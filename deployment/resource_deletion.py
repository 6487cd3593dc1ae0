"""Deletes the resources that outlive a stack: buckets with all object versions, tables, user pools."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deployment.stacks import StackResource
from workflow.aws.clients import client

BUCKET, TABLE, USER_POOL = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"
MAX_ATTEMPTS, ATTEMPT_SECONDS = 10, 3.0

_WAITER = {"Delay": 2, "MaxAttempts": 300}
_MISSING_CODES = ("404", "NoSuchBucket", "ResourceNotFoundException", "ResourceNotFound")


@dataclass(frozen=True, slots=True)
class BucketContents:
    """The number of object versions in a bucket, and their total size in bytes."""

    versions: int
    bytes: int


def measure_bucket(bucket: str, s3: Any = None) -> BucketContents:
    """Count the object versions of a bucket and their bytes."""
    sizes = [version.get("Size", 0) for page in _version_pages(bucket, s3) for version in _versions(page)]
    return BucketContents(len(sizes), sum(sizes))


def delete_bucket(
    bucket: str, report: Callable[[int], None], s3: Any = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Delete every version of every object, then the bucket. Report the number of deleted versions.

    Access logs arrive late. Objects that arrive while the bucket is emptied are deleted by another attempt.
    """
    service = s3 or client("s3")
    deleted = 0
    try:
        service.delete_bucket_policy(Bucket=bucket)
        for attempts_left in reversed(range(MAX_ATTEMPTS)):
            for page in _version_pages(bucket, service):
                keys = [
                    {"Key": version["Key"], "VersionId": version["VersionId"]} for version in _versions(page)
                ]
                if keys:  # A page has at most a thousand entries, the limit of one delete call.
                    service.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                    deleted += len(keys)
                    report(deleted)
            if _try_to_delete(bucket, service, attempts_left):
                return
            sleep(ATTEMPT_SECONDS)
    except ClientError as error:
        _ignore_missing(error)


def _try_to_delete(bucket: str, s3: Any, attempts_left: int) -> bool:
    """Delete the bucket, or return False if it is not empty and attempts are left."""
    try:
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty" or not attempts_left:
            raise
        return False
    return True


def delete_table(table: str, dynamodb: Any = None) -> None:
    """Disable a table's deletion protection and delete it. AWS keeps a last backup for 35 days."""
    service = dynamodb or client("dynamodb")
    try:
        description = service.describe_table(TableName=table)["Table"]
        if description["TableStatus"] != "DELETING":
            if description.get("DeletionProtectionEnabled"):
                service.get_waiter("table_exists").wait(TableName=table, WaiterConfig=_WAITER)
                service.update_table(TableName=table, DeletionProtectionEnabled=False)
            # DynamoDB refuses to delete a table whose update is not finished.
            service.get_waiter("table_exists").wait(TableName=table, WaiterConfig=_WAITER)
            service.delete_table(TableName=table)
        service.get_waiter("table_not_exists").wait(TableName=table)
    except ClientError as error:
        _ignore_missing(error)


def delete_user_pool(pool: str, cognito: Any = None) -> None:
    """Disable a user pool's deletion protection and delete it with all its users."""
    service = cognito or client("cognito-idp")
    try:
        service.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
        service.delete_user_pool(UserPoolId=pool)
    except ClientError as error:
        _ignore_missing(error)


def delete_parameters(names: Iterable[str], ssm: Any = None) -> list[str]:
    """Delete at most ten parameters. Return the names of those that existed."""
    answer = (ssm or client("ssm")).delete_parameters(Names=sorted(names))
    return list(answer["DeletedParameters"])


def find_tagged_arns(stage: str, tagging: Any = None) -> list[str]:
    """Return the ARNs of all resources with a stage's tag. AWS lists deleted resources for a while."""
    service = tagging or client("resourcegroupstaggingapi")
    pages = service.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "partcheck", "Values": [stage]}]
    )
    return sorted(mapping["ResourceARN"] for page in pages for mapping in page["ResourceTagMappingList"])


def find_retained_resources(stage: str, tagging: Any = None) -> list[StackResource]:
    """Return the existing buckets, tables and user pools of a stage, found by their tag."""
    return select_existing(
        resource for resource in map(_to_resource, find_tagged_arns(stage, tagging)) if resource
    )


def select_existing(resources: Iterable[StackResource]) -> list[StackResource]:
    """Select the resources that hold data and exist."""
    return [
        resource
        for resource in resources
        if resource.resource_type in (BUCKET, TABLE, USER_POOL) and _exists(resource)
    ]


def _to_resource(arn: str) -> StackResource | None:
    """Return the resource behind an ARN if it holds data."""
    service, name = arn.split(":")[2], arn.rpartition("/")[2].rpartition(":")[2]
    types = {"s3": BUCKET, "dynamodb": TABLE, "cognito-idp": USER_POOL}
    return StackResource(types[service], "", name) if service in types else None


def _exists(resource: StackResource) -> bool:
    try:
        if resource.resource_type == BUCKET:
            client("s3").head_bucket(Bucket=resource.physical_id)
        elif resource.resource_type == TABLE:
            client("dynamodb").describe_table(TableName=resource.physical_id)
        else:
            client("cognito-idp").describe_user_pool(UserPoolId=resource.physical_id)
    except ClientError as error:
        _ignore_missing(error)
        return False
    return True


def _version_pages(bucket: str, s3: Any) -> Any:
    return (s3 or client("s3")).get_paginator("list_object_versions").paginate(Bucket=bucket)


def _versions(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]


def _ignore_missing(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _MISSING_CODES:
        raise error
