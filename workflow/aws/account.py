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


def newest_python_platform(version: str, beanstalk: Any = None) -> str:
    """The ARN of the newest Elastic Beanstalk platform with this Python on Amazon Linux 2023."""
    branch = f"Python {version} running on 64bit Amazon Linux 2023"
    found = (beanstalk or client("elasticbeanstalk")).list_platform_versions(
        Filters=[{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
    )
    arns = [str(one["PlatformArn"]) for one in found["PlatformSummaryList"]]
    if not arns:
        raise ConfigurationError(f"Elastic Beanstalk does not offer “{branch}” in this region")
    return max(arns, key=_numbers)


def _numbers(arn: str) -> tuple[int, ...]:
    """The platform's own version as numbers: 4.10.0 is newer than 4.9.2."""
    return tuple(int(part) for part in arn.rpartition("/")[2].split(".") if part.isdigit())
