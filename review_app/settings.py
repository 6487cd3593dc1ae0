"""What the review app is told by its environment; a wrong setting is refused at start, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from workflow.errors import ConfigurationError
from workflow.review.decisions import MAX_UNDO_SECONDS

LINE = frozenset(
    {
        *("LEDGER_TABLE", "AUDIT_TABLE", "NAMES_TABLE", "FIGURES_TABLE", "COMMAND_TABLE"),
        *(
            "DECISION_QUEUE_URL",
            "COMMAND_QUEUE_URL",
            "INTAKE_QUEUE_URL",
            "ESCALATION_QUEUE_URL",
            "POLICY_PARAMETER",
            "HISTORY_BUCKET",
            "READ_HISTORY_FUNCTION",
        ),
    }
)
SITE = frozenset({"PUBLIC_URL", "SESSION_SECRET", "SIGN_IN"})
OPEN_ID = frozenset({"OIDC_DISCOVERY_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"})
NEEDS = LINE | SITE
DEFAULTS: Mapping[str, str] = {
    "OIDC_PROVIDER": "your organisation",
    "OIDC_NAME_CLAIM": "email",
    "OIDC_ROLES_CLAIM": "roles",
    "UNDO_SECONDS": "8",
    "DEFECT_CLASSES": "crack, blowholes, scratch, burr, shrinkage, inclusion, chipped edge, misrun",
}
MIN_SECRET = 32


@dataclass(frozen=True, slots=True)
class OpenId:
    """Where people sign in, and which claims name them and their roles."""

    discovery_url: str
    client_id: str
    client_secret: str
    provider: str
    name_claim: str
    roles_claim: str


@dataclass(frozen=True, slots=True)
class Settings:
    """One review app: its address, its session secret, how people sign in (None: by any name, here only)."""

    public_url: str
    session_secret: str
    open_id: OpenId | None = None
    undo_seconds: int = 8
    defect_classes: tuple[str, ...] = ("crack", "blowholes", "scratch")

    def __post_init__(self) -> None:
        _check_secret(self.session_secret)
        parts = urlsplit(self.public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ConfigurationError(
                f"PUBLIC_URL must be like https://review.example, not {self.public_url!r}"
            )
        if not self.is_local and parts.scheme != "https":
            raise ConfigurationError(
                "PUBLIC_URL must begin with https://, or name this machine's own address"
            )
        if not self.is_local and self.open_id is None:
            raise ConfigurationError("SIGN_IN=development works on this machine's own address only; use oidc")

    @property
    def hosts(self) -> frozenset[str]:
        """The only Host headers that are answered: the address, and this machine's other names for itself."""
        parts = urlsplit(self.public_url)
        own = frozenset({parts.netloc.lower()})
        return own | {f"{name}:{parts.port}" for name in ("localhost", "127.0.0.1")} if self.is_local else own

    @property
    def is_secure(self) -> bool:
        """Whether browsers come by HTTPS, so that cookies may insist on it."""
        return self.public_url.startswith("https:")

    @property
    def is_local(self) -> bool:
        """Whether the address is a loopback one, which no other machine reaches."""
        return is_loopback(urlsplit(self.public_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def from_environment(variables: Mapping[str, str]) -> Settings:
    """Read the settings; ConfigurationError names the first one that is missing or wrong."""
    known = {**DEFAULTS, **{name: value for name, value in variables.items() if value}}
    for name in sorted(NEEDS):
        if name not in known:
            raise ConfigurationError(f"the environment variable {name} is not set")
    return Settings(
        known["PUBLIC_URL"].rstrip("/"),
        known["SESSION_SECRET"],
        _open_id(known),
        _undo_seconds(known),
        _defect_classes(known["DEFECT_CLASSES"]),
    )


def _open_id(known: Mapping[str, str]) -> OpenId | None:
    if known["SIGN_IN"] == "development":
        return None
    if known["SIGN_IN"] != "oidc":
        raise ConfigurationError(f"SIGN_IN must be oidc or development, not {known['SIGN_IN']!r}")
    for name in sorted(OPEN_ID):
        if name not in known:
            raise ConfigurationError(f"SIGN_IN=oidc needs the environment variable {name}")
    if not known["OIDC_DISCOVERY_URL"].startswith("https://") and not is_loopback(
        urlsplit(known["OIDC_DISCOVERY_URL"]).hostname or ""
    ):
        raise ConfigurationError("OIDC_DISCOVERY_URL must begin with https://")
    return OpenId(
        known["OIDC_DISCOVERY_URL"],
        known["OIDC_CLIENT_ID"],
        known["OIDC_CLIENT_SECRET"],
        known["OIDC_PROVIDER"],
        known["OIDC_NAME_CLAIM"],
        known["OIDC_ROLES_CLAIM"],
    )


def _check_secret(secret: str) -> None:
    if len(secret) < MIN_SECRET or len(set(secret)) < MIN_SECRET // 4:
        raise ConfigurationError(
            f"SESSION_SECRET must hold at least {MIN_SECRET} random characters, the same for every worker"
        )


def _undo_seconds(known: Mapping[str, str]) -> int:
    text = known["UNDO_SECONDS"]
    if not text.isdecimal() or int(text) > MAX_UNDO_SECONDS:
        raise ConfigurationError(
            f"UNDO_SECONDS must be whole seconds from 0 to {MAX_UNDO_SECONDS}, not {text!r}"
        )
    return int(text)


def _defect_classes(text: str) -> tuple[str, ...]:
    classes = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    if len(classes) > 9 or any(len(one) > 40 or not one.isprintable() for one in classes):
        raise ConfigurationError("DEFECT_CLASSES must be at most nine short names, separated by commas")
    return classes
