"""Sign-in with OpenID Connect: code flow with PKCE against a provider that requires it."""

import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI, Form
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from review_app.settings import OidcSettings
from review_app.sign_in.routes import parse_roles
from review_app.users import Role
from tests.web.serving import listening, running, served, visitor
from tests.web.world import World


@dataclass(kw_only=True)
class Provider:
    """A fake OpenID provider with configurable claims."""

    address: str
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing: Any = None
    request: dict[str, str] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def discover() -> dict[str, Any]:
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @app.get("/authorize")
        def authorize(state: str, nonce: str, code_challenge: str, code_challenge_method: str) -> Any:
            self.request = {"nonce": nonce, "challenge": code_challenge, "method": code_challenge_method}
            return RedirectResponse(f"{self.request['back']}?code=c0de&state={state}")

        @app.post("/token")
        def token(code: str = Form(), code_verifier: str = Form()) -> Any:
            digest = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
            if code != "c0de" or digest.decode() != self.request["challenge"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return {"access_token": "t", "token_type": "Bearer", "id_token": self.id_token()}

        return app

    def id_token(self) -> str:
        now = int(time.time())
        defaults = {
            "iss": self.address,
            "aud": "app",
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "nonce": self.request.get("nonce", ""),
            "email": "ann@works.example",
            "roles": ["engineer", "unheard-of"],
        }
        return jwt.encode({"alg": "RS256", "kid": "1"}, {**defaults, **self.claims}, self.signing or self.key)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with listening() as listener:
        provider = Provider(address=f"http://127.0.0.1:{listener.getsockname()[1]}")
        with served(provider.app(), listener):
            yield provider


@pytest.fixture
def stranger(provider: Provider) -> Iterator[httpx2.Client]:
    oidc = OidcSettings(
        discovery_url=f"{provider.address}/.well-known/openid-configuration",
        client_id="app",
        client_secret="hidden",
        provider="Works",
        name_claim="email",
        roles_claim="roles",
    )
    with running(World.new(), oidc=oidc) as address, visitor(address) as stranger:
        yield stranger


def sign_in_with(stranger: httpx2.Client, provider: Provider) -> httpx2.Response:
    """Start the sign-in, follow it to the provider and return with its code."""
    start = stranger.get("/sign-in/start?next=/audit")
    parameters = {
        name: values[0] for name, values in parse_qs(urlsplit(start.headers["location"]).query).items()
    }
    assert start.headers["location"].startswith(f"{provider.address}/authorize?")
    provider.request = {"nonce": parameters["nonce"], "challenge": parameters["code_challenge"]}
    assert parameters["code_challenge_method"] == "S256"
    assert parameters["prompt"] == "login"  # A shared station must not reuse another person's session.
    assert parameters["redirect_uri"] == f"{stranger.base_url}/sign-in/callback".replace("//sign", "/sign")
    return stranger.get(f"/sign-in/callback?code=c0de&state={parameters['state']}")


def test_the_provider_says_who_one_is_and_what_one_may_do(
    stranger: httpx2.Client, provider: Provider
) -> None:
    answer = sign_in_with(stranger, provider)

    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    assert '<span class="menu-name">ann@works.example</span>' in stranger.get("/audit").text
    assert stranger.get("/disagreements").status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": []},
        {"roles": "visitor"},
        {"roles": None},
        {"roles": {"admin": True}},
        {"email": ""},
        {"email_verified": False},
    ],
)
def test_an_account_without_name_or_role_stays_outside(
    stranger: httpx2.Client, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    answer = sign_in_with(stranger, provider)

    assert answer.status_code == 403
    assert "no role in this app" in answer.text
    assert stranger.get("/audit").status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another app"},
        {"iss": "https://evil.example"},
        {"nonce": "replayed"},
        {"exp": 1_000_000_000},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    stranger: httpx2.Client, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert sign_in_with(stranger, provider).status_code == 403
    assert stranger.get("/audit").status_code == 303


def test_a_token_signed_by_somebody_else_is_refused(stranger: httpx2.Client, provider: Provider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "1"})

    assert sign_in_with(stranger, provider).status_code == 403


def test_coming_back_without_having_started_is_refused(stranger: httpx2.Client) -> None:
    assert stranger.get("/sign-in/callback?code=c0de&state=made-up").status_code == 403
    assert stranger.get("/sign-in/callback?error=access_denied&state=x").status_code == 403


def test_a_provider_that_is_away_is_said_to_be_away(world: World) -> None:
    unreachable = OidcSettings(
        discovery_url="http://127.0.0.1:9/openid",
        client_id="app",
        client_secret="hidden",
        provider="Works",
        name_claim="email",
        roles_claim="roles",
    )
    with running(world, oidc=unreachable) as address, visitor(address) as stranger:
        answer = stranger.get("/sign-in/start")

    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_an_address_in_the_request_never_chooses_the_provider(
    stranger: httpx2.Client, provider: Provider
) -> None:
    """No server-side request forgery: all provider URLs come from the settings and the discovery document."""
    answer = stranger.get("/sign-in/start?next=/&server_metadata_url=http://169.254.169.254/&iss=http://x")

    assert answer.headers["location"].startswith(f"{provider.address}/authorize?")


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        (["reviewer"], {Role.REVIEWER}),
        ("reviewer admin", {Role.REVIEWER, Role.ADMIN}),
        (["Admin", "administrators", 7, None], set()),
        (None, set()),
    ],
)
def test_only_our_own_roles_are_granted(claim: object, roles: set[Role]) -> None:
    assert parse_roles(claim) == roles
