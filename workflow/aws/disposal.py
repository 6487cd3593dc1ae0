"""What outlives a stack, taken away on demand: buckets with every version in them, tables, user pools."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.stacks import Resource

BUCKET, TABLE, POOL = "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"
ROUNDS, ROUND_SECONDS = 10, 3.0

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


def remove_bucket(
    bucket: str, tell: Callable[[int], None], s3: Any = None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Delete every version of every object, then the bucket; tells how many versions are gone.

    Access logs come late: what arrived while the bucket was emptied is deleted in another round.
    """
    service = s3 or client("s3")
    gone = 0
    try:
        service.delete_bucket_policy(Bucket=bucket)
        for rounds_left in reversed(range(ROUNDS)):
            for page in _pages(bucket, service):
                named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in _entries(page)]
                if named:  # A page has a thousand entries at most, just what one call may delete.
                    service.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
                    gone += len(named)
                    tell(gone)
            if _deleted(bucket, service, rounds_left):
                return
            sleep(ROUND_SECONDS)
    except ClientError as error:
        _unless_gone(error)


def _deleted(bucket: str, s3: Any, rounds_left: int) -> bool:
    """Whether the bucket could be deleted; as long as there are rounds left it may hold something again."""
    try:
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketNotEmpty" or not rounds_left:
            raise
        return False
    return True


def remove_table(table: str, dynamodb: Any = None) -> None:
    """Take off a table's protection and delete it; AWS keeps a last backup for 35 days."""
    service = dynamodb or client("dynamodb")
    try:
        if service.describe_table(TableName=table)["Table"]["TableStatus"] != "DELETING":
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


def left(stage: str, tagging: Any = None) -> list[Resource]:
    """The buckets, tables and user pools of a stage, found by their tag."""
    return still_there(one for one in map(_resource, tagged(stage, tagging)) if one)


def still_there(resources: Iterable[Resource]) -> list[Resource]:
    """Of some resources those that hold data and exist."""
    return [one for one in resources if one.kind in (BUCKET, TABLE, POOL) and _exists(one)]


def _resource(arn: str) -> Resource | None:
    """What holds data, from its ARN."""
    service, name = arn.split(":")[2], arn.rpartition("/")[2].rpartition(":")[2]
    kinds = {"s3": BUCKET, "dynamodb": TABLE, "cognito-idp": POOL}
    return Resource(kinds[service], "", name) if service in kinds else None


def _exists(one: Resource) -> bool:
    try:
        if one.kind == BUCKET:
            client("s3").head_bucket(Bucket=one.physical_id)
        elif one.kind == TABLE:
            client("dynamodb").describe_table(TableName=one.physical_id)
        else:
            client("cognito-idp").describe_user_pool(UserPoolId=one.physical_id)
    except ClientError as error:
        _unless_gone(error)
        return False
    return True


def _pages(bucket: str, s3: Any) -> Any:
    return (s3 or client("s3")).get_paginator("list_object_versions").paginate(Bucket=bucket)


def _entries(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]


def _unless_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE:
        raise error
