"""The two ways to the review app: an address that CloudFront gives, or a domain with a certificate.

An entrance has the app's address, and the option settings of the load balancer of its Elastic Beanstalk
environment, by namespace.
"""

from collections.abc import Mapping
from typing import Protocol

from aws_cdk import CfnOutput, CfnParameter, Duration, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as balancing
from aws_cdk import aws_route53 as route53
from constructs import Construct

from infra.review_network import ReviewNetwork
from infra.settings import StageSettings

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
PREFIX_LIST_PARAMETER = "CloudFrontPrefixList"
IDLE_SECONDS = 90  # Longer than the pause between server-sent events.
READ_SECONDS = 60  # The same for CloudFront, of which each account may have 60 without a request for more.


class Entrance(Protocol):
    """The address of the review app, and the load balancer's option settings.

    Elastic Beanstalk cannot give an environment another kind of load balancer: `environment_id` differs
    between the kinds, so that a change of the kind replaces the environment.
    """

    url: str
    environment_id: str
    options: Mapping[str, Mapping[str, str]]

    def connect(self, endpoint: str) -> None:
        """Connect the address to the load balancer at `endpoint`, if that is not done already."""


class CloudFrontEntrance(Construct):
    """A CloudFront distribution before a load balancer without public address, which it alone reaches.

    The load balancer belongs to the stack, not to the environment, because a VPC origin needs its ARN. So the
    distribution exists before the environment, and its address is an ordinary variable of the app. Nothing is
    cached, and answers are passed on as they arrive.
    """

    environment_id = "PrivateEnvironment"

    def __init__(self, scope: Construct, construct_id: str, network: ReviewNetwork) -> None:
        super().__init__(scope, construct_id)
        balancer, servers = self._build_load_balancer(network)
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{Stack.of(self).stack_name}: the review app",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.VpcOrigin.with_application_load_balancer(
                    balancer,
                    protocol_policy=cloudfront.OriginProtocolPolicy.HTTP_ONLY,
                    read_timeout=Duration.seconds(READ_SECONDS),
                ),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER,
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
                compress=False,
            ),
        )
        self.url = f"https://{distribution.distribution_domain_name}"
        self.options: Mapping[str, Mapping[str, str]] = {
            "elasticbeanstalk:environment": {"LoadBalancerIsShared": "true"},
            "elbv2:loadbalancer": {"SharedLoadBalancer": balancer.load_balancer_arn},
            # Elastic Beanstalk requires its own rule `default`, which matches the environment's name alone.
            "elbv2:listener:80": {"Rules": "default,review"},
            "elbv2:listenerrule:review": {"PathPatterns": "/*", "Process": "default", "Priority": "1"},
            "ec2:vpc": {"ELBScheme": "internal", "ELBSubnets": network.isolated_subnets},
            "autoscaling:launchconfiguration": {"SecurityGroups": servers.security_group_id},
        }

    def _build_load_balancer(
        self, network: ReviewNetwork
    ) -> tuple[balancing.ApplicationLoadBalancer, ec2.SecurityGroup]:
        """Build the load balancer, which admits CloudFront, and the security group of its servers."""
        prefixes = CfnParameter(
            Stack.of(self),
            PREFIX_LIST_PARAMETER,
            type="String",
            allowed_pattern="pl-[0-9a-f]+",
            description="The list com.amazonaws.global.cloudfront.origin-facing of this region",
        )
        vpc = network.vpc
        group = ec2.SecurityGroup(
            self, "BalancerGroup", vpc=vpc, description="Load balancer of the review app"
        )
        group.add_ingress_rule(ec2.Peer.prefix_list(prefixes.value_as_string), ec2.Port.tcp(80), "CloudFront")
        servers = ec2.SecurityGroup(self, "ServerGroup", vpc=vpc, description="Servers of the review app")
        servers.add_ingress_rule(group, ec2.Port.tcp(80), "The load balancer")
        balancer = balancing.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            internet_facing=False,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_group=group,
            idle_timeout=Duration.seconds(IDLE_SECONDS),
            drop_invalid_header_fields=True,
        )
        balancer.node.add_dependency(
            vpc.internet_connectivity_established
        )  # A VPC origin requires a gateway.
        balancer.add_listener(
            "Listener",
            port=80,
            protocol=balancing.ApplicationProtocol.HTTP,
            open=False,
            default_action=balancing.ListenerAction.fixed_response(
                503, content_type="text/plain", message_body="The review app is being deployed."
            ),
        )
        return balancer, servers

    def connect(self, endpoint: str) -> None:
        """Do nothing: the distribution is connected to the load balancer already."""


class DomainEntrance(Construct):
    """A domain with a certificate, which Elastic Beanstalk's own public load balancer uses."""

    environment_id = "Environment"

    def __init__(
        self, scope: Construct, construct_id: str, network: ReviewNetwork, settings: StageSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.url = f"https://{settings.domain}"
        self.options: Mapping[str, Mapping[str, str]] = {
            "elbv2:listener:default": {"ListenerEnabled": "false"},
            "elbv2:listener:443": {
                "DefaultProcess": "default",
                "ListenerEnabled": "true",
                "Protocol": "HTTPS",
                "SSLCertificateArns": self._find_or_build_certificate(),
                "SSLPolicy": TLS_POLICY,
            },
            "elbv2:loadbalancer": {"IdleTimeout": str(IDLE_SECONDS)},
            "ec2:vpc": {"ELBScheme": "public", "ELBSubnets": network.server_subnets},
        }

    def _find_or_build_certificate(self) -> str:
        settings = self._settings
        if settings.certificate_arn:
            return settings.certificate_arn
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=settings.hosted_zone_id,
            zone_name=settings.domain.split(".", 1)[1],
        )
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=settings.domain,
            validation=acm.CertificateValidation.from_dns(zone),
        )
        return str(certificate.certificate_arn)

    def connect(self, endpoint: str) -> None:
        """Point the domain to the load balancer if its zone is ours. Output the load balancer in any case."""
        if self._settings.hosted_zone_id:
            route53.CfnRecordSet(
                Stack.of(self),  # Not in the entrance, on which the environment depends.
                "ReviewAppName",
                hosted_zone_id=self._settings.hosted_zone_id,
                name=self._settings.domain,
                type="CNAME",
                ttl="300",
                resource_records=[endpoint],
            )
        CfnOutput(Stack.of(self), "ReviewAppEndpoint", value=endpoint)


def build_entrance(scope: Construct, network: ReviewNetwork, settings: StageSettings) -> Entrance:
    """Build the entrance of a stage: its domain if it has one, otherwise CloudFront."""
    if settings.domain:
        return DomainEntrance(scope, "DomainEntrance", network, settings)
    return CloudFrontEntrance(scope, "CloudFrontEntrance", network)
