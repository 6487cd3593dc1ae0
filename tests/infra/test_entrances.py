"""Without a domain, CloudFront is the only way to the review app, and passes on each answer as it arrives."""

import json
from typing import Any

import pytest

from tests.infra.conftest import Template

pytestmark = pytest.mark.xdist_group("synthesised")

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_HEADERS = "216adef6-5c7f-47e4-b989-5492eafa07d3"


def options(template: Template) -> dict[tuple[str, str], Any]:
    """Return the option settings of the environment."""
    [environment] = template.of("ElasticBeanstalk::Environment").values()
    return {
        (option["Namespace"].removeprefix("aws:"), option["OptionName"]): option["Value"]
        for option in environment["Properties"]["OptionSettings"]
    }


def one(template: Template, kind: str) -> tuple[str, dict[str, Any]]:
    """Return the logical id and the properties of the only resource of a type."""
    [(name, resource)] = template.of(kind).items()
    return name, resource["Properties"]


def test_a_stage_without_options_has_cloudfront_the_environment_and_the_user_pool(
    at_cloudfront: Template,
) -> None:
    distribution, properties = one(at_cloudfront, "CloudFront::Distribution")
    address = {"Fn::Join": ["", ["https://", {"Fn::GetAtt": [distribution, "DomainName"]}]]}
    _, client = one(at_cloudfront, "Cognito::UserPoolClient")
    _, pool = one(at_cloudfront, "Cognito::UserPool")

    assert options(at_cloudfront)["elasticbeanstalk:application:environment", "PUBLIC_URL"] == address
    assert at_cloudfront.document["Outputs"]["ReviewAppUrl"]["Value"] == address
    assert client["CallbackURLs"][0]["Fn::Join"][1] == [*address["Fn::Join"][1], "/sign-in/callback"]
    invitation = json.dumps(pool["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailMessage"])
    assert distribution in invitation
    assert "{username}" in invitation
    assert "{####}" in invitation
    assert properties["DistributionConfig"]["Enabled"] is True


def test_nothing_is_cached_changed_or_sent_without_tls(at_cloudfront: Template) -> None:
    _, properties = one(at_cloudfront, "CloudFront::Distribution")
    behaviour = properties["DistributionConfig"]["DefaultCacheBehavior"]
    [origin] = properties["DistributionConfig"]["Origins"]

    assert "CacheBehaviors" not in properties["DistributionConfig"]
    assert (behaviour["CachePolicyId"], behaviour["Compress"]) == (CACHING_DISABLED, False)
    assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_HEADERS
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert {"POST", "GET"} <= {*behaviour["AllowedMethods"]}
    assert origin["VpcOriginConfig"]["OriginReadTimeout"] > 15, "server-sent events pause for 15 seconds"


def test_only_cloudfront_reaches_the_load_balancer_and_only_it_reaches_the_servers(
    at_cloudfront: Template,
) -> None:
    balancer, properties = one(at_cloudfront, "ElasticLoadBalancingV2::LoadBalancer")
    _, origin = one(at_cloudfront, "CloudFront::VpcOrigin")
    rules = [rule["Properties"] for rule in at_cloudfront.of("EC2::SecurityGroupIngress").values()]
    groups = at_cloudfront.of("EC2::SecurityGroup").values()
    isolated = {subnet["Ref"] for subnet in properties["Subnets"]}
    routes = at_cloudfront.of("EC2::Route").values()
    tables = {
        association["Properties"]["SubnetId"]["Ref"]: association["Properties"]["RouteTableId"]["Ref"]
        for association in at_cloudfront.of("EC2::SubnetRouteTableAssociation").values()
    }

    assert properties["Scheme"] == "internal"
    assert origin["VpcOriginEndpointConfig"]["Arn"] == {"Ref": balancer}
    assert not {tables[subnet] for subnet in isolated} & {
        route["Properties"]["RouteTableId"]["Ref"] for route in routes
    }
    assert not any("SecurityGroupIngress" in group["Properties"] for group in groups)
    sources = {
        key: rule["GroupId"]["Fn::GetAtt"][0]
        for rule in rules
        for key in ("SourcePrefixListId", "SourceSecurityGroupId")
        if key in rule
    }
    assert len(rules) == 2
    assert properties["SecurityGroups"] == [{"Fn::GetAtt": [sources["SourcePrefixListId"], "GroupId"]}]
    servers = options(at_cloudfront)["autoscaling:launchconfiguration", "SecurityGroups"]
    assert servers == {"Fn::GetAtt": [sources["SourceSecurityGroupId"], "GroupId"]}


def test_the_environment_uses_the_stacks_load_balancer_for_every_path(at_cloudfront: Template) -> None:
    balancer, _ = one(at_cloudfront, "ElasticLoadBalancingV2::LoadBalancer")
    given = options(at_cloudfront)

    assert given["elasticbeanstalk:environment", "LoadBalancerIsShared"] == "true"
    assert given["elbv2:loadbalancer", "SharedLoadBalancer"] == {"Ref": balancer}
    assert given["elbv2:listener:80", "Rules"].split(",") == ["default", "review"]
    assert given["elbv2:listenerrule:review", "PathPatterns"] == "/*"


def test_another_kind_of_load_balancer_is_another_environment(
    at_cloudfront: Template, synthesised: Template
) -> None:
    ids = {one(template, "ElasticBeanstalk::Environment")[0] for template in (at_cloudfront, synthesised)}

    assert len(ids) == 2
    assert not synthesised.of("CloudFront::Distribution")
    assert options(synthesised)["ec2:vpc", "ELBScheme"] == "public"
