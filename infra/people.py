"""Who signs in to the review app: a Cognito user pool with three groups, or another OpenID Connect issuer."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.settings import Deployment
from review_app.users import Role

CALLBACK = "/sign-in/callback"


class People(Construct):
    """Settings of the review app by which it finds the issuer, whose tokens name a person's roles.

    Nobody signs up alone: an administrator invites people and puts them into groups, and a second factor is
    asked of everybody.
    """

    def __init__(self, scope: Construct, name: str, deployment: Deployment) -> None:
        super().__init__(scope, name)
        if deployment.oidc_issuer:
            self.issuer, self.client_id = deployment.oidc_issuer.rstrip("/"), deployment.oidc_client_id
            self.secret_arn, self.roles_claim = deployment.oidc_secret_arn, "roles"
            return
        pool = _pool(self)
        for rank, role in enumerate(reversed(Role)):
            cognito.CfnUserPoolGroup(
                self,
                role.name.capitalize(),
                user_pool_id=pool.user_pool_id,
                group_name=role.name.lower(),
                precedence=rank,
            )
        stack = Stack.of(self)
        CfnOutput(stack, "UserPoolId", value=pool.user_pool_id)
        pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=f"{deployment.stack_name}-{stack.account}"
            ),
        )
        address = f"https://{deployment.domain}"
        client = pool.add_client(
            "ReviewApp",
            generate_secret=True,
            prevent_user_existence_errors=True,
            id_token_validity=Duration.hours(1),
            access_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.hours(12),
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL, cognito.OAuthScope.PROFILE],
                callback_urls=[f"{address}{CALLBACK}"],
                logout_urls=[f"{address}/"],
            ),
        )
        self.issuer = f"https://cognito-idp.{stack.region}.{stack.url_suffix}/{pool.user_pool_id}"
        self.client_id = client.user_pool_client_id
        kept = secretsmanager.CfnSecret(
            self,
            "ClientSecret",
            description="The review app's secret at its user pool",
            secret_string=client.node.default_child.attr_client_secret,
        )
        self.secret_arn, self.roles_claim = kept.ref, "cognito:groups"


def _pool(scope: Construct) -> cognito.UserPool:
    return cognito.UserPool(
        scope,
        "Pool",
        self_sign_up_enabled=False,
        sign_in_aliases=cognito.SignInAliases(email=True),
        sign_in_case_sensitive=False,
        mfa=cognito.Mfa.REQUIRED,
        mfa_second_factor=cognito.MfaSecondFactor(sms=False, otp=True),
        password_policy=cognito.PasswordPolicy(
            min_length=12,
            require_digits=True,
            require_lowercase=True,
            require_symbols=True,
            require_uppercase=True,
            temp_password_validity=Duration.days(3),
        ),
        account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
        deletion_protection=True,
        removal_policy=RemovalPolicy.RETAIN,
    )
