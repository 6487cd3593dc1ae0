"""Signing in with OpenID Connect: code flow with PKCE against a provider that insists on it."""

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

from review_app.routes.sign_in import roles_from
from review_app.settings import OpenId
from review_app.users import Role
from tests.web.serving import listening, running, served, visitor
from tests.web.world import World


@dataclass
class Provider:
    """An OpenID provider: who signs in there, and what its tokens say."""

    address: str
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing: Any = None
    asked: dict[str, str] = field(default_factory=dict)

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
            self.asked = {"nonce": nonce, "challenge": code_challenge, "method": code_challenge_method}
            return RedirectResponse(f"{self.asked['back']}?code=c0de&state={state}")

        @app.post("/token")
        def token(code: str = Form(), code_verifier: str = Form()) -> Any:
            digest = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
            if code != "c0de" or digest.decode() != self.asked["challenge"]:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return {"access_token": "t", "token_type": "Bearer", "id_token": self.id_token()}

        return app

    def id_token(self) -> str:
        now = int(time.time())
        usual = {
            "iss": self.address,
            "aud": "app",
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "nonce": self.asked.get("nonce", ""),
            "email": "ann@works.example",
            "roles": ["engineer", "unheard-of"],
        }
        return jwt.encode({"alg": "RS256", "kid": "1"}, {**usual, **self.claims}, self.signing or self.key)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with listening() as listener:
        provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with served(provider.app(), listener):
            yield provider


@pytest.fixture
def stranger(provider: Provider) -> Iterator[httpx2.Client]:
    known = OpenId(
        f"{provider.address}/.well-known/openid-configuration", "app", "hidden", "Works", "email", "roles"
    )
    with running(World.new(), open_id=known) as address, visitor(address) as stranger:
        yield stranger


def signed_in_by(stranger: httpx2.Client, provider: Provider) -> httpx2.Response:
    """Start, be sent to the provider, come back with a code."""
    start = stranger.get("/sign-in/start?next=/audit")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(start.headers["location"]).query).items()}
    assert start.headers["location"].startswith(f"{provider.address}/authorize?")
    provider.asked = {"nonce": asked["nonce"], "challenge": asked["code_challenge"]}
    assert asked["code_challenge_method"] == "S256"
    assert asked["prompt"] == "login"  # At a shared station nobody comes in as who was there before.
    assert asked["redirect_uri"] == f"{stranger.base_url}/sign-in/callback".replace("//sign", "/sign")
    return stranger.get(f"/sign-in/callback?code=c0de&state={asked['state']}")


def test_the_provider_says_who_one_is_and_what_one_may_do(
    stranger: httpx2.Client, provider: Provider
) -> None:
    answer = signed_in_by(stranger, provider)

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

    answer = signed_in_by(stranger, provider)

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

    assert signed_in_by(stranger, provider).status_code == 403
    assert stranger.get("/audit").status_code == 303


def test_a_token_signed_by_somebody_else_is_refused(stranger: httpx2.Client, provider: Provider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "1"})

    assert signed_in_by(stranger, provider).status_code == 403


def test_coming_back_without_having_started_is_refused(stranger: httpx2.Client) -> None:
    assert stranger.get("/sign-in/callback?code=c0de&state=made-up").status_code == 403
    assert stranger.get("/sign-in/callback?error=access_denied&state=x").status_code == 403


def test_a_provider_that_is_away_is_said_to_be_away(world: World) -> None:
    nowhere = OpenId("http://127.0.0.1:9/openid", "app", "hidden", "Works", "email", "roles")
    with running(world, open_id=nowhere) as address, visitor(address) as stranger:
        answer = stranger.get("/sign-in/start")

    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_an_address_in_the_request_never_chooses_the_provider(
    stranger: httpx2.Client, provider: Provider
) -> None:
    """No server-side request forgery: discovery, token and key addresses come from the settings alone."""
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
    assert roles_from(claim) == roles
