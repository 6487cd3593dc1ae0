"""Credentials and regions that AWS refuses: one sentence with the command that mends them."""

import difflib
import os
import shlex
from collections.abc import Mapping
from typing import Any

import boto3
from botocore import exceptions
from botocore.session import get_session

from workflow.errors import ConfigurationError

_REFUSED_CODES = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"),
    }
)
_SSO_ERRORS = (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.NoAuthTokenError)
_LOGIN_ERRORS = (exceptions.LoginError,)
_MISSING = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
_SETTINGS_ERRORS = (
    *(exceptions.ConfigParseError, exceptions.ConfigNotFound, exceptions.InvalidConfigError),
    *(exceptions.CredentialRetrievalError, exceptions.UnknownCredentialError, exceptions.NoRegionError),
    exceptions.InvalidRegionError,
)


def describe_credentials_error(error: Exception) -> str:
    """Return the sentence about credentials or settings of the SDK that must be mended, else empty text."""
    text = str(error).rstrip(".")
    if isinstance(error, exceptions.ProfileNotFound):
        return f"{text}: `aws configure list-profiles` lists the profiles"
    if isinstance(error, _SSO_ERRORS):
        return f"The AWS credentials ran out ({text}): run `{_command('sso login')}`"
    if isinstance(error, _LOGIN_ERRORS):
        return f"The AWS credentials ran out ({text}): run `{_command('login')}`"
    if isinstance(error, _MISSING):
        return f"{text}: name a profile with --profile, or run `{_renewal_command()}`"
    if isinstance(error, _SETTINGS_ERRORS):
        return f"{text}: `{_command('configure list')}` shows the settings in use"
    if isinstance(error, exceptions.ClientError) and error.response["Error"].get("Code") in _REFUSED_CODES:
        return f"AWS refuses the credentials ({text}): {_renewal()}"
    return ""


def describe_refusal(error: Exception) -> str:
    """Return the sentence about a call that a service refused, or the error's own message."""
    if not isinstance(error, exceptions.ClientError):
        return str(error)
    details = error.response.get("Error", {})
    code, message = details.get("Code", "?"), str(details.get("Message") or "no reason given").rstrip(".")
    return f"AWS refused {error.operation_name}: {message} ({code})"


def check_region() -> None:
    """Raise ConfigurationError if the SDK knows no region of the selected name."""
    session = boto3.Session()
    region = session.region_name
    known = {
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("s3", partition)
    }
    if not region or region in known:
        return
    similar = difflib.get_close_matches(region, sorted(known), 1)
    hint = f"did you mean {similar[0]}?" if similar else "`aws account list-regions` lists them"
    raise ConfigurationError(f"There is no AWS region {region!r}: {hint}")


def _renewal() -> str:
    if not _profile() and os.environ.get("AWS_ACCESS_KEY_ID"):
        return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN again"
    return f"run `{_renewal_command()}`"


def _renewal_command() -> str:
    """Return the command that renews the profile's credentials, by the way in which it gets them."""
    settings = _profile_settings()
    if any(name in settings for name in ("sso_session", "sso_start_url")):
        return _command("sso login")
    return _command("login" if "login_session" in settings else "configure")


def _profile_settings() -> Mapping[str, Any]:
    """Return the settings of the profile, or of the profile from which it takes its credentials."""
    profiles: Mapping[str, Any] = get_session().full_config.get("profiles", {})
    name, seen = _profile() or "default", set[str]()
    while (source := profiles.get(name, {}).get("source_profile")) and name not in seen:
        seen.add(name)
        name = source
    return dict(profiles.get(name, {}))


def _profile() -> str:
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or ""


def _command(words: str) -> str:
    return shlex.join(["aws", *words.split(), *(["--profile", _profile()] if _profile() else [])])
