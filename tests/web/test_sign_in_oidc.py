"""Sign-in with OpenID Connect: code flow with PKCE against a provider that requires it."""

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI, Form, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from review_app.settings import OidcSettings
from review_app.sign_in.identity_claims import parse_roles
from review_app.users import Role
from tests.web.serving import listening, running, served, visitor
from tests.web.world import World


@dataclass(kw_only=True)
class Provider:
    """A fake OpenID provider that can answer in each shape.

    The ID token has `claims` and lacks `missing`. `userinfo` is the answer of that endpoint, which is absent
    if None. `answers` maps a path to a text that is answered with status 200 instead.
    """

    address: str
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1"}))
    signing: Any = None
    request: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    userinfo: dict[str, Any] | None = None
    answers: dict[str, str] = field(default_factory=dict)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def answer_otherwise(request: Request, call_next: Any) -> Any:
            text = self.answers.get(request.url.path)
            return await call_next(request) if text is None else HTMLResponse(text)

        @app.get("/userinfo")
        def userinfo(authorization: Annotated[str, Header()]) -> Any:
            assert authorization == "Bearer t"
            return self.userinfo

        @app.get("/.well-known/openid-configuration")
        def discover() -> dict[str, Any]:
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
                **({} if self.userinfo is None else {"userinfo_endpoint": f"{self.address}/userinfo"}),
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
            token = {"access_token": "t", "token_type": "Bearer", "id_token": self.id_token()}
            return {name: value for name, value in token.items() if name not in self.missing}

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
        claims = {**defaults, **self.claims}
        kept = {name: value for name, value in claims.items() if name not in self.missing}
        return jwt.encode({"alg": "RS256", "kid": "1"}, kept, self.signing or self.key)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with listening() as listener:
        provider = Provider(address=f"http://127.0.0.1:{listener.getsockname()[1]}")
        with served(provider.app(), listener):
            yield provider


def oidc_settings(provider: Provider, roles_claim: str = "roles") -> OidcSettings:
    """Return the settings of an app that uses the provider."""
    return OidcSettings(
        discovery_url=f"{provider.address}/.well-known/openid-configuration",
        client_id="app",
        client_secret="hidden",
        provider="Works",
        name_claim="email",
        roles_claim=roles_claim,
    )


@pytest.fixture
def stranger(provider: Provider) -> Iterator[httpx2.Client]:
    with running(World.new(), oidc=oidc_settings(provider)) as address, visitor(address) as stranger:
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


@pytest.mark.parametrize("ends_session", [True, False])
def test_signing_out_ends_the_providers_session_where_it_has_a_logout_url(
    provider: Provider, ends_session: bool
) -> None:
    """Browsers also apply the policy of form targets to the redirect."""
    logout_url = f"{provider.address}/logout" if ends_session else ""
    oidc = replace(oidc_settings(provider), logout_url=logout_url)
    with running(World.new(), oidc=oidc) as address, visitor(address) as stranger:
        sign_in_with(stranger, provider)
        answer = stranger.post("/sign-out")

    place = urlsplit(answer.headers["location"])
    targets = re.findall("form-action ([^;]+);", answer.headers["content-security-policy"])
    assert answer.status_code == 303
    if ends_session:
        assert f"{place.scheme}://{place.netloc}{place.path}" == logout_url
        assert parse_qs(place.query) == {"client_id": ["app"], "logout_uri": [f"{address}/"]}
        assert targets == [f"'self' {provider.address}"]
    else:
        assert (place.geturl(), targets) == ("/sign-in", ["'self'"])


def test_the_provider_says_who_one_is_and_what_one_may_do(
    stranger: httpx2.Client, provider: Provider
) -> None:
    answer = sign_in_with(stranger, provider)

    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")
    assert '<span class="menu-name">ann@works.example</span>' in stranger.get("/audit").text
    assert stranger.get("/disagreements").status_code == 200


NO_ROLE = "no role in this app: the claim roles (setting OIDC_ROLES_CLAIM)"
NO_NAME = "no name for this app: the claim email (setting OIDC_NAME_CLAIM)"
UNVERIFIED = "the claim email_verified is not true"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"roles": []}, NO_ROLE),
        ({"roles": "visitor"}, NO_ROLE),
        ({"roles": None}, NO_ROLE),
        ({"roles": {"admin": True}}, NO_ROLE),
        ({"roles": ["/other/admin", "not-reviewer"]}, NO_ROLE),
        ({"email": ""}, NO_NAME),
        ({"email": None}, NO_NAME),
        ({"email": ["ann@works.example", "bob@works.example"]}, NO_NAME),
        ({"email": {"value": "ann@works.example"}}, NO_NAME),
        ({"email_verified": False}, UNVERIFIED),
        ({"email_verified": "false"}, UNVERIFIED),
        ({"email_verified": "no"}, UNVERIFIED),
        ({"email_verified": ""}, UNVERIFIED),
        ({"email_verified": 1}, UNVERIFIED),
        ({"email_verified": ["true"]}, UNVERIFIED),
    ],
)
def test_an_account_without_name_or_role_stays_outside(
    stranger: httpx2.Client, provider: Provider, claims: dict[str, Any], reason: str
) -> None:
    provider.claims = claims

    answer = sign_in_with(stranger, provider)

    assert answer.status_code == 403
    assert reason in answer.text
    assert stranger.get("/audit").status_code == 303


@pytest.mark.parametrize("verified", [True, "true"])
def test_a_verified_address_signs_in(stranger: httpx2.Client, provider: Provider, verified: object) -> None:
    provider.claims = {"email_verified": verified}

    assert sign_in_with(stranger, provider).status_code == 303


@pytest.mark.parametrize(
    ("roles_claim", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["offline_access", "engineer"]}}),
        ("resource_access.part.check.roles", {"resource_access": {"part.check": {"roles": ["engineer"]}}}),
        ("https://works.example/roles", {"https://works.example/roles": "engineer"}),
        ("groups", {"groups": ["/engineer"]}),
        ("groups", {"groups": "reviewer,engineer"}),
        ("groups", {"groups": '[reviewer, "engineer"]'}),
        ("roles", {"email": ["ann@works.example"]}),
    ],
)
def test_name_and_roles_are_found_in_every_place_and_shape(
    provider: Provider, roles_claim: str, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    with running(World.new(), oidc=oidc_settings(provider, roles_claim)) as address, visitor(address) as ann:
        assert sign_in_with(ann, provider).status_code == 303
        assert '<span class="menu-name">ann@works.example</span>' in ann.get("/audit").text
        assert ann.get("/disagreements").status_code == 200


@pytest.mark.parametrize("missing", [("email",), ("roles",), ("email", "roles")])
def test_claims_that_the_id_token_lacks_are_asked_at_the_userinfo_endpoint(
    stranger: httpx2.Client, provider: Provider, missing: tuple[str, ...]
) -> None:
    provider.missing = missing
    provider.userinfo = {"sub": "1", "email": "ann@works.example", "roles": ["engineer"]}

    assert sign_in_with(stranger, provider).status_code == 303
    assert '<span class="menu-name">ann@works.example</span>' in stranger.get("/audit").text


@pytest.mark.parametrize(
    "userinfo",
    [
        {"sub": "2", "email": "ann@works.example", "roles": ["admin"]},
        {"sub": "1", "email": "ann@works.example", "roles": ["admin"], "email_verified": "false"},
        {"sub": "1"},
        [],
    ],
)
def test_userinfo_of_another_subject_or_without_the_claim_grants_nothing(
    stranger: httpx2.Client, provider: Provider, userinfo: Any
) -> None:
    provider.missing, provider.userinfo = ("email", "roles"), userinfo

    assert sign_in_with(stranger, provider).status_code == 403


def test_an_answer_without_an_id_token_is_told(stranger: httpx2.Client, provider: Provider) -> None:
    provider.missing = ("id_token",)

    answer = sign_in_with(stranger, provider)

    assert answer.status_code == 502
    assert "sent no ID token" in answer.text


@pytest.mark.parametrize("text", ["<html>Maintenance</html>", "[]", "null", '"text"', "{}"])
@pytest.mark.parametrize("path", ["/token", "/keys", "/userinfo"])
def test_an_answer_that_cannot_be_read_is_no_internal_error(
    stranger: httpx2.Client, provider: Provider, path: str, text: str
) -> None:
    provider.missing, provider.userinfo = ("roles",), {"sub": "1", "roles": ["engineer"]}
    provider.answers = {path: text}

    assert sign_in_with(stranger, provider).status_code in (403, 502)


@pytest.mark.parametrize("text", ["<html>Maintenance</html>", "[]", "{}"])
def test_a_discovery_document_that_cannot_be_read_is_no_internal_error(
    stranger: httpx2.Client, provider: Provider, text: str
) -> None:
    provider.answers = {"/.well-known/openid-configuration": text}

    assert stranger.get("/sign-in/start").status_code == 502


def test_a_stale_callback_leaves_the_session_as_it_is(stranger: httpx2.Client, provider: Provider) -> None:
    other_tab = stranger.get("/sign-in/start?next=/dashboard").headers["location"]
    state = parse_qs(urlsplit(other_tab).query)["state"][0]
    sign_in_with(stranger, provider)

    for query in (f"code=c0de&state={state}", "code=c0de&state=made-up", "error=access_denied&state=x"):
        answer = stranger.get(f"/sign-in/callback?{query}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    assert '<span class="menu-name">ann@works.example</span>' in stranger.get("/audit").text


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
