"""Sign-in of the review app: a Cognito user pool with three groups, or another OpenID Connect issuer."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.settings import StageSettings
from review_app.users import Role

CALLBACK_PATH = "/sign-in/callback"


class Authentication(Construct):
    """The OpenID Connect issuer of the review app, its client, and the claim that holds a user's roles.

    `logout_url` ends the user pool's own session in a browser. It is empty for another issuer.

    Users cannot sign up themselves: an administrator invites them and adds them to groups. Every user needs a
    second factor.
    """

    def __init__(self, scope: Construct, construct_id: str, settings: StageSettings, url: str) -> None:
        super().__init__(scope, construct_id)
        if settings.oidc_issuer:
            self.issuer, self.client_id = settings.oidc_issuer.rstrip("/"), settings.oidc_client_id
            self.secret_arn, self.roles_claim = settings.oidc_secret_arn, "roles"
            self.logout_url = ""
            return
        pool, domain = self._build_user_pool(settings, url)
        self.logout_url = f"{domain.base_url()}/logout"
        client = _build_client(pool, url)
        cognito.CfnManagedLoginBranding(  # Without a style a client has no pages of managed login.
            self,
            "Style",
            user_pool_id=pool.user_pool_id,
            client_id=client.user_pool_client_id,
            use_cognito_provided_values=True,
        )
        stack = Stack.of(self)
        self.issuer = f"https://cognito-idp.{stack.region}.{stack.url_suffix}/{pool.user_pool_id}"
        self.client_id = client.user_pool_client_id
        secret = secretsmanager.CfnSecret(
            self,
            "ClientSecret",
            description="Client secret of the review app's user pool client",
            secret_string=client.node.default_child.attr_client_secret,
        )
        self.secret_arn, self.roles_claim = secret.ref, "cognito:groups"

    def _build_user_pool(
        self, settings: StageSettings, url: str
    ) -> tuple[cognito.UserPool, cognito.UserPoolDomain]:
        """Build the user pool with a group per role, and its domain. Output the pool's id.

        Only managed login obeys `prompt=login`: the classic pages offer the last user of the browser without
        asking for credentials.
        """
        pool = _build_pool(self, url)
        for precedence, role in enumerate(reversed(Role)):
            cognito.CfnUserPoolGroup(
                self,
                role.name.capitalize(),
                user_pool_id=pool.user_pool_id,
                group_name=role.name.lower(),
                precedence=precedence,
            )
        stack = Stack.of(self)
        CfnOutput(stack, "UserPoolId", value=pool.user_pool_id)
        domain = pool.add_domain(
            "Domain",
            managed_login_version=cognito.ManagedLoginVersion.NEWER_MANAGED_LOGIN,
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=f"{settings.stack_name}-{stack.account}"
            ),
        )
        return pool, domain


def _build_client(pool: cognito.UserPool, url: str) -> cognito.UserPoolClient:
    return pool.add_client(
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
            callback_urls=[f"{url}{CALLBACK_PATH}"],
            logout_urls=[f"{url}/"],
        ),
    )


def _build_pool(scope: Construct, url: str) -> cognito.UserPool:
    """Build the user pool. Its invitations name the app's address."""
    return cognito.UserPool(
        scope,
        "Pool",
        feature_plan=cognito.FeaturePlan.ESSENTIALS,  # Managed login needs it.
        self_sign_up_enabled=False,
        user_invitation=cognito.UserInvitationConfig(
            email_subject="Your account for partcheck's review app",
            email_body=(
                f"Sign in at {url} as {{username}} with the temporary password {{####}} within three days. "
                "You then choose a password and set up an authenticator app."
            ),
        ),
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
