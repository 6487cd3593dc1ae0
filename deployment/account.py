"""The AWS account and region of a deployment: identity, quotas and available platforms."""

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
ZONES_WITHOUT_VPC_ORIGINS = frozenset({"use1-az3", "cac1-az3", "apne1-az3", "apne2-az1"})
CLOUDFRONT_PREFIX_LIST = "com.amazonaws.global.cloudfront.origin-facing"


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """An AWS account with the selected region and the caller's ARN."""

    id: str
    region: str
    caller_arn: str


def get_account(sts: Any = None) -> AwsAccount:
    """Return the account of the current credentials. Raise ConfigurationError if no region is set."""
    service = sts or client("sts")
    region = service.meta.region_name
    if not region or region == "aws-global":
        raise ConfigurationError("no AWS region is set: use --region or AWS_REGION")
    identity = service.get_caller_identity()
    return AwsAccount(str(identity["Account"]), str(region), str(identity["Arn"]))


def get_concurrency_limit(awslambda: Any = None) -> int:
    """Return the number of functions that may run concurrently in this account and region."""
    settings = (awslambda or client("lambda")).get_account_settings()
    return int(settings["AccountLimit"]["ConcurrentExecutions"])


def find_latest_python_platform(version: str, beanstalk: Any = None) -> str:
    """Return the ARN of the newest Elastic Beanstalk platform with this Python on Amazon Linux 2023."""
    branch = f"Python {version} running on 64bit Amazon Linux 2023"
    answer = (beanstalk or client("elasticbeanstalk")).list_platform_versions(
        Filters=[{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
    )
    arns = [str(platform["PlatformArn"]) for platform in answer["PlatformSummaryList"]]
    if not arns:
        raise ConfigurationError(f"Elastic Beanstalk does not offer “{branch}” in this region")
    return max(arns, key=_version_numbers)


def find_cloudfront_prefix_list(ec2: Any = None) -> str:
    """Return the id of the region's list of the addresses from which CloudFront calls load balancers."""
    filters = [{"Name": "prefix-list-name", "Values": [CLOUDFRONT_PREFIX_LIST]}]
    answer = (ec2 or client("ec2")).describe_managed_prefix_lists(Filters=filters)
    if not answer["PrefixLists"]:
        raise ConfigurationError(
            f"the prefix list {CLOUDFRONT_PREFIX_LIST} does not exist in this region: deploy with --domain, "
            "or with --no-review-app"
        )
    return str(answer["PrefixLists"][0]["PrefixListId"])


def check_domain_in_zone(domain: str, zone_id: str, route53: Any = None) -> None:
    """Raise ConfigurationError unless the domain is below the zone's own name, as a CNAME record must be."""
    service = route53 or client("route53")
    try:
        zone = str(service.get_hosted_zone(Id=zone_id)["HostedZone"]["Name"]).rstrip(".")
    except service.exceptions.NoSuchHostedZone as error:
        raise ConfigurationError(f"this account has no hosted zone {zone_id}") from error
    if not domain.endswith(f".{zone}"):
        raise ConfigurationError(
            f"{domain} must be a name below the zone {zone}, such as review.{zone}: its record is a CNAME"
        )


def find_zones(ec2: Any = None) -> str:
    """Return the names of two availability zones in which CloudFront reaches load balancers, by their ids.

    The order of ids is the same at each deployment, so that subnets stay where they are.
    """
    filters = [
        {"Name": "zone-type", "Values": ["availability-zone"]},
        {"Name": "state", "Values": ["available"]},
    ]
    answer = (ec2 or client("ec2")).describe_availability_zones(Filters=filters)
    names = {zone["ZoneId"]: str(zone["ZoneName"]) for zone in answer["AvailabilityZones"]}
    usable = [names[zone] for zone in sorted(names) if zone not in ZONES_WITHOUT_VPC_ORIGINS]
    if len(usable) < 2:
        raise ConfigurationError("the review app needs two availability zones: deploy with --no-review-app")
    return ",".join(usable[:2])


def _version_numbers(arn: str) -> tuple[int, ...]:
    """Return the platform's own version as numbers: 4.10.0 is newer than 4.9.2."""
    return tuple(int(part) for part in arn.rpartition("/")[2].split(".") if part.isdigit())
