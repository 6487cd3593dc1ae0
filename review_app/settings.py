"""Settings from environment variables; a missing or invalid one stops the start with its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from workflow.errors import ConfigurationError
from workflow.inspections.undo_window import MAX_UNDO_SECONDS, UNDO_SECONDS

RESOURCE_VARIABLES = frozenset(
    {
        *("INSPECTIONS_TABLE", "AUDIT_TABLE", "NAME_INDEX_TABLE", "METRICS_TABLE", "COMMAND_LOG_TABLE"),
        *("DECISION_QUEUE_URL", "COMMAND_QUEUE_URL", "INTAKE_QUEUE_URL", "ESCALATION_QUEUE_URL"),
        *("CAMERAS_TABLE", "POLICY_PARAMETER", "HISTORY_BUCKET", "GET_EXECUTION_HISTORY_FUNCTION"),
    }
)
SITE_VARIABLES = frozenset({"PUBLIC_URL", "SESSION_SECRET", "SIGN_IN"})
OIDC_VARIABLES = frozenset({"OIDC_DISCOVERY_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"})
REQUIRED_VARIABLES = RESOURCE_VARIABLES | SITE_VARIABLES
DEFAULTS: Mapping[str, str] = {
    "OIDC_PROVIDER": "your organisation",
    "OIDC_NAME_CLAIM": "email",
    "OIDC_ROLES_CLAIM": "roles",
    "OIDC_LOGOUT_URL": "",
    "UNDO_SECONDS": str(UNDO_SECONDS),
    "DEFECT_CLASSES": "crack, blowholes, scratch, burr, shrinkage, inclusion, chipped edge, misrun",
}
MIN_SECRET_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """OpenID Connect provider, client and the claims that hold a user's name and roles.

    A claim is a name, or a path such as `realm_access.roles`. The provider's `logout_url` is empty if a
    sign-out ends the app's own session only.
    """

    discovery_url: str
    client_id: str
    client_secret: str
    provider: str
    name_claim: str
    roles_claim: str
    logout_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAppSettings:
    """Settings of one review app. Without `oidc`, users sign in by any name, on this machine only."""

    public_url: str
    session_secret: str
    oidc: OidcSettings | None = None
    undo_seconds: int = UNDO_SECONDS
    defect_classes: tuple[str, ...] = ("crack", "blowholes", "scratch")

    def __post_init__(self) -> None:
        _check_secret(self.session_secret)
        parts = urlsplit(self.public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ConfigurationError(
                f"PUBLIC_URL must look like https://review.example, not {self.public_url!r}"
            )
        if not self.is_local and parts.scheme != "https":
            raise ConfigurationError("PUBLIC_URL must begin with https:// unless it is a loopback address")
        if not self.is_local and self.oidc is None:
            raise ConfigurationError(
                "SIGN_IN=development requires a loopback address in PUBLIC_URL; use SIGN_IN=oidc"
            )

    @property
    def hosts(self) -> frozenset[str]:
        """Accepted Host headers: that of PUBLIC_URL and, for a loopback address, its other names."""
        parts = urlsplit(self.public_url)
        own = frozenset({parts.netloc.lower()})
        return own | {f"{name}:{parts.port}" for name in ("localhost", "127.0.0.1")} if self.is_local else own

    @property
    def is_secure(self) -> bool:
        """True if browsers use HTTPS, so that cookies can require it."""
        return self.public_url.startswith("https:")

    @property
    def is_local(self) -> bool:
        """True if PUBLIC_URL is a loopback address, which other machines can't reach."""
        return is_loopback(urlsplit(self.public_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Return True if a host name or address is a loopback one."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def from_environment(variables: Mapping[str, str]) -> ReviewAppSettings:
    """Read the settings. Raise ConfigurationError for the first missing or invalid variable."""
    values = {**DEFAULTS, **{name: value for name, value in variables.items() if value}}
    for name in sorted(REQUIRED_VARIABLES):
        if name not in values:
            raise ConfigurationError(f"the environment variable {name} is not set")
    return ReviewAppSettings(
        public_url=values["PUBLIC_URL"].rstrip("/"),
        session_secret=values["SESSION_SECRET"],
        oidc=_oidc_settings(values),
        undo_seconds=_undo_seconds(values["UNDO_SECONDS"]),
        defect_classes=_defect_classes(values["DEFECT_CLASSES"]),
    )


def _oidc_settings(values: Mapping[str, str]) -> OidcSettings | None:
    if values["SIGN_IN"] == "development":
        return None
    if values["SIGN_IN"] != "oidc":
        raise ConfigurationError(f"SIGN_IN must be oidc or development, not {values['SIGN_IN']!r}")
    for name in sorted(OIDC_VARIABLES):
        if name not in values:
            raise ConfigurationError(f"SIGN_IN=oidc requires the environment variable {name}")
    if not values["OIDC_DISCOVERY_URL"].startswith("https://") and not is_loopback(
        urlsplit(values["OIDC_DISCOVERY_URL"]).hostname or ""
    ):
        raise ConfigurationError("OIDC_DISCOVERY_URL must begin with https://")
    return OidcSettings(
        discovery_url=values["OIDC_DISCOVERY_URL"],
        client_id=values["OIDC_CLIENT_ID"],
        client_secret=values["OIDC_CLIENT_SECRET"],
        provider=values["OIDC_PROVIDER"],
        name_claim=_claim(values, "OIDC_NAME_CLAIM"),
        roles_claim=_claim(values, "OIDC_ROLES_CLAIM"),
        logout_url=values["OIDC_LOGOUT_URL"],
    )


def _claim(values: Mapping[str, str], name: str) -> str:
    claim = values[name].strip()
    if not claim or claim != claim.strip("."):
        raise ConfigurationError(f"{name} must be a claim or a path like realm_access.roles, not {claim!r}")
    return claim


def _check_secret(secret: str) -> None:
    if len(secret) < MIN_SECRET_LENGTH or len(set(secret)) < MIN_SECRET_LENGTH // 4:
        raise ConfigurationError(
            f"SESSION_SECRET must have at least {MIN_SECRET_LENGTH} random characters, equal in every worker"
        )


def _undo_seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_UNDO_SECONDS:
        raise ConfigurationError(
            f"UNDO_SECONDS must be an integer from 0 to {MAX_UNDO_SECONDS}, not {text!r}"
        )
    return int(text)


def _defect_classes(text: str) -> tuple[str, ...]:
    classes = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if len(classes) > 9 or any(len(name) > 40 or not name.isprintable() for name in classes):
        raise ConfigurationError(
            "DEFECT_CLASSES must be at most nine names of up to 40 characters, separated by commas"
        )
    return classes
