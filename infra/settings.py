"""What one deployment is told: its stage, its sizes, whom it serves."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workflow.errors import ConfigurationError

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
OUTPUT = "Settings"
OPEN_ID = ("oidc_client_id", "oidc_secret_arn")
CERTIFICATE = ("certificate_arn", "hosted_zone_id")
REVIEW_APP = (*CERTIFICATE, "oidc_issuer", *OPEN_ID)
KEPT = ("domain", *REVIEW_APP, "alarm_email", "max_in_flight")
ASSETS_BUCKET = "partcheck-assets-${AWS::AccountId}-${AWS::Region}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The settings of one stage, as `cdk -c name=value` or `partcheck deploy` give them.

    The review app is deployed where a `domain` is named, with a certificate: an existing one
    (`certificate_arn`), or a new one that `hosted_zone_id` validates and whose name it then serves. People
    sign in with a Cognito user pool unless `oidc_issuer` names another issuer, to which the app is the client
    `oidc_client_id` with the secret that Secrets Manager keeps at `oidc_secret_arn`. `alarm_email` is told of
    alarms. `max_in_flight` bounds the inspections under way at once. A `small_account` has so small a quota
    that Lambda sets nothing aside for functions that should run alone: what they write keeps them apart.
    """

    stage: str = "dev"
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
        if self.domain and bool(self.certificate_arn) == bool(self.hosted_zone_id):
            raise ConfigurationError(
                "domain needs certificate_arn for an existing certificate, or hosted_zone_id for a new one"
            )
        if not self.domain and (self.certificate_arn or self.hosted_zone_id or self.oidc_issuer):
            raise ConfigurationError("domain is missing: under which name is the review app to be reached?")
        if len({bool(one) for one in (self.oidc_issuer, self.oidc_client_id, self.oidc_secret_arn)}) > 1:
            raise ConfigurationError("oidc_issuer, oidc_client_id and oidc_secret_arn go together")
        if not 1 <= self.max_in_flight <= 10_000:
            raise ConfigurationError(f"max_in_flight must be from 1 to 10000, not {self.max_in_flight}")

    @property
    def stack_name(self) -> str:
        """One stack a stage, so that stages live side by side in one account and region."""
        return f"partcheck-{self.stage}"

    @property
    def has_review_app(self) -> bool:
        """Whether people review in a browser; without a domain they do it on the command line."""
        return bool(self.domain)

    def remembered(self) -> str:
        """What the next deployment of the stage keeps, as its stack tells it: nothing in there is secret."""
        told = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return json.dumps({name: told[name][0] for name in KEPT if told[name][0] != told[name][1]})

    def context(self) -> dict[str, str]:
        """The settings as CDK's context."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}


def kept(outputs: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the last deployment that a new one neither gives nor takes away with an empty value.

    Without the domain goes everything about the review app, without the issuer what the app is there, and a
    new kind of certificate takes the other's place.
    """
    gone = {*given}
    if given.get("domain") == "":
        gone |= {*REVIEW_APP}
    if given.get("oidc_issuer") == "":
        gone |= {*OPEN_ID}
    if any(given.get(name) for name in CERTIFICATE):
        gone |= {*CERTIFICATE}
    before = json.loads(outputs.get(OUTPUT, "{}"))
    return {name: value for name, value in before.items() if name in KEPT and name not in gone}


def from_context(context: Mapping[str, Any]) -> Deployment:
    """The settings that a context holds; ConfigurationError when one is not what it must be."""
    given = {field.name: context[field.name] for field in fields(Deployment) if context.get(field.name)}
    if "max_in_flight" in given:
        number = str(given["max_in_flight"])
        if not number.isdecimal():
            raise ConfigurationError(f"max_in_flight must be a number, not {number!r}")
        given["max_in_flight"] = int(number)
    given["small_account"] = str(given.get("small_account", "")).lower() == "true"
    return Deployment(**given)
