"""The review app on Elastic Beanstalk, with its secrets and roles."""

from pathlib import Path

from aws_cdk import CfnOutput, CfnParameter, Stack
from aws_cdk import aws_elasticbeanstalk as beanstalk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.aws_lambda import IFunction
from constructs import Construct

from infra.authentication import Authentication
from infra.beanstalk_options import BeanstalkOptions, option_settings
from infra.entrances import Entrance
from infra.functions import policy_statement
from infra.grants import REVIEW_APP
from infra.review_network import ReviewNetwork
from infra.stage_environment import StageEnvironment
from review_app.settings import OIDC_VARIABLES, RESOURCE_VARIABLES, SITE_VARIABLES
from workflow.errors import ConfigurationError

SECRET_VARIABLES = {"SESSION_SECRET", "OIDC_CLIENT_SECRET"}
PLATFORM_PARAMETER = "ReviewPlatformArn"


class ReviewApp(Construct):
    """The review app behind its entrance, configured by the environment variables of review_app.settings.

    To run it elsewhere, replace this construct. It takes the stage's resources, an entrance that has the
    app's address, and an authentication.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        resources: StageEnvironment,
        network: ReviewNetwork,
        entrance: Entrance,
        authentication: Authentication,
        history_function: IFunction,
        source: Path,
    ) -> None:
        super().__init__(scope, construct_id)
        self._resources, self._authentication = resources, authentication
        self._network, self._entrance = network, entrance
        self._history_function = history_function
        self._session = secretsmanager.Secret(
            self,
            "SessionSecret",
            description="Signs the review app's sessions. A new value signs all users out.",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
        )
        platform = CfnParameter(
            Stack.of(self),
            PLATFORM_PARAMETER,
            type="String",
            allowed_pattern="arn:[^:]+:elasticbeanstalk:[^:]+::platform/Python .*Amazon Linux 2023/.*",
            description="The newest Elastic Beanstalk platform version of Python on Amazon Linux 2023",
        )
        self._build_environment(platform.value_as_string, source)

    def _build_environment(self, platform_arn: str, source: Path) -> None:
        """Build application, version and environment, and connect the entrance to it."""
        network, entrance = self._network, self._entrance
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
            entrance.environment_id,
            application_name=application.ref,
            platform_arn=platform_arn,
            version_label=version.ref,
            option_settings=option_settings(
                BeanstalkOptions(
                    load_balancer=entrance.options,
                    vpc_id=network.vpc.vpc_id,
                    subnet_ids=network.server_subnets,
                    instance_profile=self._build_instance_profile(),
                    service_role=self._build_service_role(),
                    variables=self._variables(),
                    secrets={
                        "SESSION_SECRET": self._session.secret_arn,
                        "OIDC_CLIENT_SECRET": self._authentication.secret_arn,
                    },
                )
            ),
        )
        # Servers must not start before their permissions exist: they fetch their secrets only once.
        environment.node.add_dependency(
            network.vpc.internet_connectivity_established, entrance, self.role, self._session
        )
        entrance.connect(environment.attr_endpoint_url)
        CfnOutput(Stack.of(self), "ReviewAppUrl", value=entrance.url)
        self.environment_name = environment.ref

    def _variables(self) -> dict[str, str]:
        """Return exactly the variables that the app requires, without its secrets."""
        authentication = self._authentication
        values = {
            **self._resources.variables(),
            "GET_EXECUTION_HISTORY_FUNCTION": self._history_function.function_name,
            "PUBLIC_URL": self._entrance.url,
            "SIGN_IN": "oidc",
            "OIDC_DISCOVERY_URL": f"{authentication.issuer}/.well-known/openid-configuration",
            "OIDC_CLIENT_ID": authentication.client_id,
        }
        required = (RESOURCE_VARIABLES | SITE_VARIABLES | OIDC_VARIABLES) - SECRET_VARIABLES
        if missing := required - values.keys():
            raise ConfigurationError(f"the review app requires variables without a value: {sorted(missing)}")
        variables = {name: values[name] for name in sorted(required)}
        return variables | {
            "OIDC_ROLES_CLAIM": authentication.roles_claim,
            **({"OIDC_LOGOUT_URL": authentication.logout_url} if authentication.logout_url else {}),
            "AWS_REGION": Stack.of(self).region,
        }

    def _build_instance_profile(self) -> str:
        """Build the servers' role: the app's grants, its secrets, and the platform's own permissions."""
        stack = Stack.of(self)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        for grant in REVIEW_APP:
            role.add_to_policy(policy_statement(grant, self._resources))
        bucket = f"arn:{stack.partition}:s3:::elasticbeanstalk-{stack.region}-{stack.account}"
        permissions: dict[str, tuple[list[str], list[str]]] = {
            "ReadSecrets": (
                ["secretsmanager:GetSecretValue"],
                [self._session.secret_arn, self._authentication.secret_arn],
            ),
            "GetExecutionHistories": (["lambda:InvokeFunction"], [self._history_function.function_arn]),
            "FetchApplication": (["s3:GetObject"], [f"{bucket}/*"]),
            "ReportHealth": (
                ["elasticbeanstalk:PutInstanceStatistics"],
                [
                    stack.format_arn(service="elasticbeanstalk", resource=kind, resource_name="*")
                    for kind in ("application", "environment")
                ],
            ),
            "WriteLogs": (
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
        for sid, (actions, resources) in permissions.items():
            role.add_to_policy(iam.PolicyStatement(sid=sid, actions=actions, resources=resources))
        self.role = role
        return str(iam.CfnInstanceProfile(self, "Profile", roles=[role.role_name]).ref)

    def _build_service_role(self) -> str:
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
