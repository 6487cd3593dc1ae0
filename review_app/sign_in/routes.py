"""Sign-in and sign-out: with OpenID Connect, or by name in an app that only this machine can reach."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from joserfc.errors import JoseError

from review_app import users
from review_app.rendering import flash, render_page
from review_app.settings import OidcSettings, ReviewAppSettings, is_loopback
from review_app.users import MAX_NAME, Role, session_user

_PROVIDER_UNAVAILABLE = "The sign-in service does not answer. Try again in a moment."
router = APIRouter()


def install(app: FastAPI, settings: ReviewAppSettings) -> None:
    """Register the provider, if there is one; its endpoints are discovered at the first sign-in."""
    app.state.provider = _register_provider(settings.oidc) if settings.oidc else None


def _register_provider(oidc: OidcSettings) -> Any:
    return OAuth().register(
        "provider",
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        server_metadata_url=oidc.discovery_url,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the URL
    """Show the sign-in page."""
    settings: ReviewAppSettings = request.app.state.settings
    provider = settings.oidc.provider if settings.oidc else ""
    return render_page(request, "sign_in/sign_in.html", next=local_url(next), provider=provider)


@router.post("/sign-in")
def sign_in_by_name(
    request: Request,
    name: Annotated[str, Form(min_length=1, max_length=MAX_NAME)],
    role: Annotated[Role, Form()] = Role.REVIEWER,
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Development sign-in by any name. Raise 404 unless app and client are both on this machine."""
    settings: ReviewAppSettings = request.app.state.settings
    client = request.client.host if request.client else ""
    if settings.oidc or not settings.is_local or not is_loopback(client):
        raise HTTPException(404)
    if not name.strip() or not name.isprintable():
        raise HTTPException(400, "Enter a name without control characters.")
    users.sign_in(request, name.strip(), [role])
    return RedirectResponse(local_url(next), 303)


@router.get("/sign-in/start")
async def start(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Redirect to the provider with state, nonce and PKCE challenge.

    `prompt=login` makes it ask for credentials: at a shared station its own session may belong to another
    person.
    """
    provider = _get_provider(request)
    request.session["next"] = local_url(next)
    callback_url = f"{request.app.state.settings.public_url}/sign-in/callback"
    try:
        response: Response = await provider.authorize_redirect(request, callback_url, prompt="login")
    except httpx2.HTTPError as error:
        raise HTTPException(503, _PROVIDER_UNAVAILABLE) from error
    return response


@router.get("/sign-in/callback")
async def callback(request: Request) -> Response:
    """Exchange the provider's code for a verified ID token, and start a session.

    Raise 403 if the token is invalid or has no name or role, 503 if the provider does not answer.
    """
    oidc: OidcSettings = request.app.state.settings.oidc
    try:
        token = await _get_provider(request).authorize_access_token(request)
    except httpx2.HTTPError as error:
        raise HTTPException(503, _PROVIDER_UNAVAILABLE) from error
    except (OAuthError, JoseError) as error:
        raise HTTPException(403, "The sign-in was not completed. Start it again.") from error
    claims: Mapping[str, Any] = token["userinfo"]
    next_url = request.session.get("next", "/")
    name = str(claims.get(oidc.name_claim) or "")[:MAX_NAME]
    roles = parse_roles(claims.get(oidc.roles_claim))
    if not name or not roles or claims.get("email_verified") is False:
        request.session.clear()
        raise HTTPException(403, "Your account has no role in this app. Ask its administrator for one.")
    await asyncio.to_thread(users.sign_in, request, name, roles)
    return RedirectResponse(local_url(next_url), 303)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session and the user's leases."""
    user = session_user(request)
    if user is not None:
        request.app.state.review_services.assigner.release_all(user.name)
    users.sign_out(request)
    flash(request, "You are signed out.")
    return RedirectResponse("/sign-in", 303)


def local_url(url: str) -> str:
    """Return the URL if it is a path of this app, otherwise the start page."""
    parts = urlsplit(url)
    is_path = not parts.scheme and not parts.netloc and url.startswith("/")
    return url if is_path and not url.startswith(("//", "/\\")) and url.isprintable() else "/"


def parse_roles(claim: object) -> set[Role]:
    """Return the roles in a claim, which is a list or a text with spaces; ignore unknown roles."""
    names = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return {Role(name) for name in names if name in set(Role)}


def _get_provider(request: Request) -> Any:
    if request.app.state.provider is None:
        raise HTTPException(404)
    return request.app.state.provider
