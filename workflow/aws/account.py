"""The account and region that a deployment goes to: who asks, what is offered there, what is allowed."""

from dataclasses import dataclass
from typing import Any

from workflow.aws.clients import client
from workflow.errors import ConfigurationError

CUSTOM_LABELS_REGIONS = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-2", "ca-central-1"),
        *("eu-central-1", "eu-west-1", "eu-west-2"),
        *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where commands work: the account's number, the region, and who asks."""

    id: str
    region: str
    who: str


def account(sts: Any = None) -> Account:
    """The account that the credentials belong to; ConfigurationError when no region is chosen."""
    service = sts or client("sts")
    region = service.meta.region_name
    if not region or region == "aws-global":
        raise ConfigurationError("no AWS region is chosen: name one with --region or AWS_REGION")
    identity = service.get_caller_identity()
    return Account(str(identity["Account"]), str(region), str(identity["Arn"]))


def functions_at_once(awslambda: Any = None) -> int:
    """How many functions the account may run at the same time in this region."""
    settings = (awslambda or client("lambda")).get_account_settings()
    return int(settings["AccountLimit"]["ConcurrentExecutions"])


def newest_python_platform(beanstalk: Any = None) -> str:
    """The ARN of the newest Elastic Beanstalk platform version of Python on Amazon Linux 2023."""
    filters = [
        {"Type": "PlatformBranchName", "Operator": "begins_with", "Values": ["Python 3"]},
        {"Type": "PlatformLifecycleState", "Operator": "=", "Values": ["Recommended"]},
    ]
    found = (beanstalk or client("elasticbeanstalk")).list_platform_versions(Filters=filters)
    arns = [
        str(one["PlatformArn"])
        for one in found["PlatformSummaryList"]
        if "Amazon Linux 2023" in str(one["PlatformArn"])
    ]
    if not arns:
        raise ConfigurationError("Elastic Beanstalk offers no Python on Amazon Linux 2023 in this region")
    return max(arns, key=_numbers)


def _numbers(arn: str) -> list[tuple[int, ...]]:
    """The Python and platform versions of an ARN as numbers: 3.13 is newer than 3.9, and 4.10 than 4.9."""
    words = arn.replace("/", " ").split()
    return [
        tuple(map(int, word.split("."))) for word in words if word.replace(".", "").isdigit() and "." in word
    ]
