"""Settings of one stage: its name, its sizes, its users."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workflow.errors import ConfigurationError

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
SETTINGS_OUTPUT = "Settings"
OIDC_CLIENT = ("oidc_client_id", "oidc_secret_arn")
CERTIFICATE = ("certificate_arn", "hosted_zone_id")
REVIEW_APP_SETTINGS = ("domain", *CERTIFICATE, "oidc_issuer", *OIDC_CLIENT)
CARRIED_OVER = ("review_app", *REVIEW_APP_SETTINGS, "alarm_email", "max_in_flight")
RESERVED_WORDS = ("aws", "amazon", "cognito")
IN_FLIGHT_IN_SMALL_ACCOUNT = 20
ASSETS_BUCKET = "partcheck-assets-${AWS::AccountId}-${AWS::Region}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """Settings of one stage, given by `cdk -c name=value` or `partcheck stage deploy`.

    The `review_app` is deployed at an address that CloudFront gives, or at a `domain` with an existing
    certificate (`certificate_arn`) or a new one. The zone `hosted_zone_id` validates a new certificate and
    gets the domain's record. Users sign in with a Cognito user pool unless `oidc_issuer` names another
    issuer. The app is that issuer's client `oidc_client_id`, with the Secrets Manager secret
    `oidc_secret_arn`. `alarm_email` receives alarms.
    `max_in_flight` limits the inspections in progress. In a `small_account` the Lambda quota is too small to
    reserve concurrency for functions that must run alone: their conditional writes prevent conflicts. There
    fewer inspections run at once, so that waiting uploads leave calls for the states.
    """

    stage: str = "dev"
    review_app: bool = True
    domain: str = ""
    certificate_arn: str = ""
    hosted_zone_id: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_secret_arn: str = ""
    alarm_email: str = ""
    max_in_flight: int = 200
    small_account: bool = False
    assets_bucket: str = ASSETS_BUCKET

    def __post_init__(self) -> None:
        if not _STAGE.fullmatch(self.stage):
            raise ConfigurationError(
                f"stage must be 1 to 20 lower-case letters, digits and hyphens, not {self.stage!r}"
            )
        if word := next((word for word in RESERVED_WORDS if word in self.stage), ""):
            raise ConfigurationError(f"stage must not contain {word!r}: Cognito reserves it in domain names")
        if self.domain and bool(self.certificate_arn) == bool(self.hosted_zone_id):
            raise ConfigurationError(
                "domain needs certificate_arn for an existing certificate, or hosted_zone_id for a new one"
            )
        if not self.domain and (self.certificate_arn or self.hosted_zone_id):
            raise ConfigurationError("domain is missing: set the name under which the review app is reached")
        if not self.review_app and (self.domain or self.oidc_issuer):
            raise ConfigurationError("domain and oidc_issuer are for the review app, which is left out")
        if len({bool(value) for value in (self.oidc_issuer, self.oidc_client_id, self.oidc_secret_arn)}) > 1:
            raise ConfigurationError("oidc_issuer, oidc_client_id and oidc_secret_arn must be set together")
        if not 1 <= self.max_in_flight <= 10_000:
            raise ConfigurationError(f"max_in_flight must be from 1 to 10000, not {self.max_in_flight}")

    @property
    def stack_name(self) -> str:
        """The name of the stage's own stack, so that several stages share an account and region."""
        return f"partcheck-{self.stage}"

    @property
    def in_flight_limit(self) -> int:
        """The number of inspections after which uploads wait."""
        return (
            min(self.max_in_flight, IN_FLIGHT_IN_SMALL_ACCOUNT) if self.small_account else self.max_in_flight
        )

    def to_output(self) -> str:
        """Return the settings that the next deployment keeps, for the stack's output. None is secret."""
        defaults = {field.name: field.default for field in fields(self)}
        changed = {
            name: getattr(self, name) for name in CARRIED_OVER if getattr(self, name) != defaults[name]
        }
        return json.dumps(changed)

    def context(self) -> dict[str, str]:
        """Return the settings as CDK context values."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


def carry_over(outputs: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last deployment's settings that a new one neither sets nor removes with an empty value.

    Leaving out the review app removes all its settings, and a domain brings it back. Removing the domain
    removes its certificate, and removing the issuer its client. A new kind of certificate replaces the other.
    """
    dropped = {*given}
    if given.get("review_app") is False:
        dropped |= {*REVIEW_APP_SETTINGS}
    if given.get("domain"):
        dropped |= {"review_app"}
    if given.get("domain") == "":
        dropped |= {*CERTIFICATE}
    if given.get("oidc_issuer") == "":
        dropped |= {*OIDC_CLIENT}
    if any(given.get(name) for name in CERTIFICATE):
        dropped |= {*CERTIFICATE}
    last = json.loads(outputs.get(SETTINGS_OUTPUT, "{}"))
    return {name: value for name, value in last.items() if name in CARRIED_OVER and name not in dropped}


def from_context(context: Mapping[str, Any]) -> StageSettings:
    """Read the settings from a CDK context. Raise ConfigurationError for an invalid value."""
    given = {field.name: context[field.name] for field in fields(StageSettings) if context.get(field.name)}
    if "max_in_flight" in given:
        number = str(given["max_in_flight"])
        if not number.isdecimal():
            raise ConfigurationError(f"max_in_flight must be a number, not {number!r}")
        given["max_in_flight"] = int(number)
    given["small_account"] = str(given.get("small_account", "")).lower() == "true"
    given["review_app"] = str(context.get("review_app", "true")).lower() != "false"
    return StageSettings(**given)
