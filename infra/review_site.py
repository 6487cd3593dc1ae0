"""Where the review app runs: Elastic Beanstalk, and everything that only it needs."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.aws_lambda import IFunction
from constructs import Construct

from infra.beanstalk_options import Options, options
from infra.functions import statement
from infra.grants import REVIEW_APP
from infra.line import Line
from infra.people import People
from review_app.settings import LINE, OPEN_ID, SITE
from workflow.errors import ConfigurationError

SECRETS = {"SESSION_SECRET", "OIDC_CLIENT_SECRET"}
PLATFORM = "ReviewPlatformArn"


class ReviewSite(Construct):
    """The review app at https://<domain>, told by its environment what review_app.settings asks for.

    To run it elsewhere, replace this construct: it takes the line and the people, and gives an address.
    """

    def __init__(
        self, scope: Construct, name: str, line: Line, people: People, teller: IFunction, source: Path
    ) -> None:
        super().__init__(scope, name)
        self._line, self._people, self._teller = line, people, teller
        self._session = secretsmanager.Secret(
            self,
            "SessionSecret",
            description="Signs the review app's sessions; a new value signs everybody out",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
        )
        platform = CfnParameter(
            Stack.of(self),
            PLATFORM,
            type="String",
            allowed_pattern="arn:[^:]+:elasticbeanstalk:[^:]+::platform/Python .*Amazon Linux 2023/.*",
            description="The newest Elastic Beanstalk platform version of Python on Amazon Linux 2023",
        )
        network = _network(self)
        bundle = assets.Asset(self, "Source", path=str(source))
        application = beanstalk.CfnApplication(self, "Application", description="partcheck's review app")
        version = beanstalk.CfnApplicationVersion(
            self,
            "Version",
            application_name=application.ref,
            source_bundle=beanstalk.CfnApplicationVersion.SourceBundleProperty(
                s3_bucket=bundle.s3_bucket_name, s3_key=bundle.s3_object_key
            ),
        )
        environment = beanstalk.CfnEnvironment(
            self,
            "Environment",
            application_name=application.ref,
            platform_arn=platform.value_as_string,
            version_label=version.ref,
            option_settings=options(
                Options(
                    certificate_arn=self._certificate(),
                    vpc_id=network.vpc_id,
                    subnet_ids=",".join(subnet.subnet_id for subnet in network.public_subnets),
                    instance_profile=self._profile(),
                    service_role=self._service_role(),
                    variables=self._variables(),
                    secrets={
                        "SESSION_SECRET": self._session.secret_arn,
                        "OIDC_CLIENT_SECRET": people.secret_arn,
                    },
                )
            ),
        )
        environment.node.add_dependency(network.internet_connectivity_established)
        self._name(environment.attr_endpoint_url)
        self.environment_name = environment.ref

    def _variables(self) -> dict[str, str]:
        """Exactly what the app asks for, but for its secrets."""
        deployment, people = self._line.deployment, self._people
        known = {
            **self._line.values(),
            "READ_HISTORY_FUNCTION": self._teller.function_name,
            "PUBLIC_URL": f"https://{deployment.domain}",
            "SIGN_IN": "oidc",
            "OIDC_DISCOVERY_URL": f"{people.issuer}/.well-known/openid-configuration",
            "OIDC_CLIENT_ID": people.client_id,
        }
        if missing := (LINE | SITE | OPEN_ID) - SECRETS - known.keys():
            raise ConfigurationError(f"the review app needs settings that nobody gives: {sorted(missing)}")
        wanted = {name: known[name] for name in sorted((LINE | SITE | OPEN_ID) - SECRETS)}
        return wanted | {"OIDC_ROLES_CLAIM": people.roles_claim, "AWS_REGION": Stack.of(self).region}

    def _certificate(self) -> str:
        deployment = self._line.deployment
        if deployment.certificate_arn:
            return deployment.certificate_arn
        made = acm.Certificate(
            self,
            "Certificate",
            domain_name=deployment.domain,
            validation=acm.CertificateValidation.from_dns(self._zone()),
        )
        return str(made.certificate_arn)

    def _zone(self) -> route53.IHostedZone:
        deployment = self._line.deployment
        return route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=deployment.hosted_zone_id,
            zone_name=deployment.domain.split(".", 1)[1],
        )

    def _name(self, endpoint: str) -> None:
        """Let the domain lead to the load balancer, where we keep the zone; else tell where it must lead."""
        stack, deployment = Stack.of(self), self._line.deployment
        if deployment.hosted_zone_id:
            route53.CfnRecordSet(
                self,
                "Name",
                hosted_zone_id=deployment.hosted_zone_id,
                name=deployment.domain,
                type="CNAME",
                ttl="300",
                resource_records=[endpoint],
            )
        CfnOutput(stack, "ReviewAppUrl", value=f"https://{deployment.domain}")
        CfnOutput(stack, "ReviewAppEndpoint", value=endpoint)

    def _profile(self) -> str:
        """What the app's machines may do: their grants, their secrets, and what the platform asks of them."""
        stack = Stack.of(self)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        for grant in REVIEW_APP:
            role.add_to_policy(statement(grant, self._line))
        bucket = f"arn:{stack.partition}:s3:::elasticbeanstalk-{stack.region}-{stack.account}"
        wanted: dict[str, tuple[list[str], list[str]]] = {
            "ReadsItsSecrets": (
                ["secretsmanager:GetSecretValue"],
                [self._session.secret_arn, self._people.secret_arn],
            ),
            "AsksForHistories": (["lambda:InvokeFunction"], [self._teller.function_arn]),
            "FetchesItself": (["s3:GetObject"], [f"{bucket}/*"]),
            "TellsItsHealth": (
                ["elasticbeanstalk:PutInstanceStatistics"],
                [
                    stack.format_arn(service="elasticbeanstalk", resource=kind, resource_name="*")
                    for kind in ("application", "environment")
                ],
            ),
            "WritesLogs": (
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                    "logs:DescribeLogStreams",
                ],
                [
                    f"arn:{stack.partition}:logs:{stack.region}:{stack.account}"
                    ":log-group:/aws/elasticbeanstalk/*"
                ],
            ),
        }
        for sid, (actions, resources) in wanted.items():
            role.add_to_policy(iam.PolicyStatement(sid=sid, actions=actions, resources=resources))
        self.role = role
        return str(iam.CfnInstanceProfile(self, "Profile", roles=[role.role_name]).ref)

    def _service_role(self) -> str:
        managed = iam.ManagedPolicy.from_aws_managed_policy_name
        role = iam.Role(
            self,
            "ServiceRole",
            assumed_by=iam.ServicePrincipal("elasticbeanstalk.amazonaws.com"),
            managed_policies=[
                managed("service-role/AWSElasticBeanstalkEnhancedHealth"),
                managed("AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"),
            ],
        )
        return str(role.role_arn)


def _network(scope: Construct) -> ec2.Vpc:
    """Two public subnets: no NAT gateway to pay for, and only the load balancer reaches the machines."""
    network = ec2.Vpc(
        scope,
        "Network",
        max_azs=2,
        nat_gateways=0,
        restrict_default_security_group=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(name="Public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24)
        ],
        gateway_endpoints={
            "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
            "DynamoDB": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
        },
    )
    network.add_flow_log(
        "FlowLog",
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(
            logs.LogGroup(scope, "FlowLogs", retention=logs.RetentionDays.ONE_MONTH)
        ),
        traffic_type=ec2.FlowLogTrafficType.REJECT,
    )
    return network
