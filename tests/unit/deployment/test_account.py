"""The account and the latest platform are read from AWS's answers."""

import pytest

from deployment import account
from tests.unit.workflow.aws.stubbed_client import stubbed
from workflow.errors import ConfigurationError

BRANCH = "Python 3.13 running on 64bit Amazon Linux 2023"

PLATFORM = f"arn:aws:elasticbeanstalk:eu-central-1::platform/{BRANCH}"


def test_the_account_has_its_region_and_its_caller() -> None:
    with stubbed("sts") as (client, stub):
        stub.add_response(
            "get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ann"}
        )

        found = account.get_account(client)

    assert (found.id, found.region) == ("123456789012", "eu-central-1")


@pytest.mark.parametrize(
    ("versions", "newest"), [(("4.9.2", "4.10.0", "4.2.11"), "4.10.0"), (("4.0.1",), "4.0.1")]
)
def test_the_newest_platform_is_found_numerically(versions: tuple[str, ...], newest: str) -> None:
    with stubbed("elasticbeanstalk") as (client, stub):
        offered = [{"PlatformArn": f"{PLATFORM}/{version}"} for version in versions]
        expected_request = {"Filters": [{"Type": "PlatformBranchName", "Operator": "=", "Values": [BRANCH]}]}
        stub.add_response("list_platform_versions", {"PlatformSummaryList": offered}, expected_request)

        assert account.find_latest_python_platform("3.13", client) == f"{PLATFORM}/{newest}"


def test_a_platform_that_is_not_offered_is_named() -> None:
    with stubbed("elasticbeanstalk") as (client, stub):
        stub.add_response("list_platform_versions", {"PlatformSummaryList": []})

        with pytest.raises(ConfigurationError, match=BRANCH):
            account.find_latest_python_platform("3.13", client)


@pytest.mark.parametrize(
    ("ids", "zones"),
    [(("use1-az4", "use1-az3", "use1-az1"), "c,a"), (("apne2-az1", "apne2-az2"), "")],
)
def test_the_zones_are_those_that_cloudfront_reaches_in_the_order_of_their_ids(
    ids: tuple[str, ...], zones: str
) -> None:
    with stubbed("ec2") as (client, stub):
        found = [{"ZoneName": name, "ZoneId": zone} for name, zone in zip("abc", ids, strict=False)]
        stub.add_response("describe_availability_zones", {"AvailabilityZones": found})

        if zones:
            assert account.find_zones(client) == zones
        else:
            with pytest.raises(ConfigurationError, match="needs two availability zones"):
                account.find_zones(client)


@pytest.mark.parametrize("found", [True, False])
def test_the_addresses_of_cloudfront_are_a_list_of_the_region(found: bool) -> None:
    name = account.CLOUDFRONT_PREFIX_LIST
    with stubbed("ec2") as (client, stub):
        lists = [{"PrefixListId": "pl-a3a144ca", "PrefixListName": name}] if found else []
        expected_request = {"Filters": [{"Name": "prefix-list-name", "Values": [name]}]}
        stub.add_response("describe_managed_prefix_lists", {"PrefixLists": lists}, expected_request)

        if found:
            assert account.find_cloudfront_prefix_list(client) == "pl-a3a144ca"
        else:
            with pytest.raises(ConfigurationError, match=f"{name} does not exist.*--no-review-app"):
                account.find_cloudfront_prefix_list(client)
