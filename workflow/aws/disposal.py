"""What outlives a stack, taken away on demand: buckets with every version in them, tables, user pools."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client

_GONE = ("404", "NoSuchBucket", "ResourceNotFoundException", "ResourceNotFound")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bucket holds."""

    versions: int
    bytes: int


def contents(bucket: str, s3: Any = None) -> Contents:
    """How many versions a bucket holds, and how many bytes they have together."""
    sizes = [one.get("Size", 0) for page in _pages(bucket, s3) for one in _entries(page)]
    return Contents(len(sizes), sum(sizes))


def remove_bucket(bucket: str, tell: Callable[[int], None], s3: Any = None) -> None:
    """Delete every version of every object, then the bucket; tells how many versions are gone."""
    service = s3 or client("s3")
    gone = 0
    try:
        service.delete_bucket_policy(Bucket=bucket)
        for page in _pages(bucket, service):
            named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in _entries(page)]
            if named:  # A page has a thousand entries at most, just what one call may delete.
                service.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
                gone += len(named)
                tell(gone)
        service.delete_bucket(Bucket=bucket)
    except ClientError as error:
        _unless_gone(error)


def remove_table(table: str, dynamodb: Any = None) -> None:
    """Take off a table's protection and delete it; AWS keeps a last backup for 35 days."""
    service = dynamodb or client("dynamodb")
    try:
        service.update_table(TableName=table, DeletionProtectionEnabled=False)
        service.delete_table(TableName=table)
        service.get_waiter("table_not_exists").wait(TableName=table)
    except ClientError as error:
        _unless_gone(error)


def remove_user_pool(pool: str, cognito: Any = None) -> None:
    """Take off a user pool's protection and delete it with everybody in it."""
    service = cognito or client("cognito-idp")
    try:
        service.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
        service.delete_user_pool(UserPoolId=pool)
    except ClientError as error:
        _unless_gone(error)


def tagged(stage: str, tagging: Any = None) -> list[str]:
    """The ARNs of everything that carries a stage's tag; deleted resources may be listed for a while."""
    service = tagging or client("resourcegroupstaggingapi")
    pages = service.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": "partcheck", "Values": [stage]}]
    )
    return sorted(one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"])


def _pages(bucket: str, s3: Any) -> Any:
    return (s3 or client("s3")).get_paginator("list_object_versions").paginate(Bucket=bucket)


def _entries(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]


def _unless_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE:
        raise error
