"""Sign-in and sign-out: with OpenID Connect, or by name in an app that only this machine can reach."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, FastAPI, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from joserfc.errors import JoseError

from review_app import users
from review_app.rendering import flash, render_page
from review_app.settings import OidcSettings, ReviewAppSettings, is_loopback
from review_app.sign_in.identity_claims import Refused, needs_userinfo, read_user
from review_app.users import MAX_NAME, Role, session_user

_PROVIDER_UNAVAILABLE = "The sign-in service does not answer. Try again in a moment."
_PROVIDER_UNREADABLE = "The sign-in service's answer cannot be read. Ask the app's administrator."
# The client raises these for answers that are no JSON object, or lack a part.
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RuntimeError)
_log = logging.getLogger("review_app")
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
    except _UNREADABLE as error:
        raise HTTPException(502, _PROVIDER_UNREADABLE) from error
    return response


@router.get("/sign-in/callback")
async def callback(request: Request) -> Response:
    """Exchange the provider's code for a verified ID token, and start a session.

    A stale callback, of another tab or of the browser's Back, leaves an existing session as it is. Raise 403
    if the token is invalid or has no name or role, 502 if the provider's answer is unreadable, 503 if there
    is no answer.
    """
    oidc: OidcSettings = request.app.state.settings.oidc
    provider = _get_provider(request)
    try:
        token = await provider.authorize_access_token(request)
    except httpx2.HTTPError as error:
        raise HTTPException(503, _PROVIDER_UNAVAILABLE) from error
    except (OAuthError, JoseError) as error:
        return await _keep_session(request, error)
    except _UNREADABLE as error:
        raise HTTPException(502, _PROVIDER_UNREADABLE) from error
    if not token.get("userinfo"):
        raise HTTPException(502, "The sign-in service sent no ID token. Ask the app's administrator.")
    try:
        name, roles = read_user(await _fetch_claims(provider, token, oidc), oidc)
    except Refused as error:
        request.session.clear()
        raise HTTPException(403, str(error)) from error
    next_url = request.session.get("next", "/")
    await asyncio.to_thread(users.sign_in, request, name, roles)
    return RedirectResponse(local_url(next_url), 303)


async def _keep_session(request: Request, error: Exception) -> Response:
    """Return to the app if the browser has an active session. Raise 403 otherwise."""
    try:
        user = await asyncio.to_thread(users.current_user, request)
    except users.NotSignedIn:
        raise HTTPException(403, "The sign-in was not completed. Start it again.") from error
    flash(request, f"You are signed in as {user.name}.")
    return RedirectResponse("/", 303)


async def _fetch_claims(
    provider: Any, token: Mapping[str, Any], oidc: OidcSettings
) -> list[Mapping[str, Any]]:
    """Return the ID token's claims, then those of the userinfo endpoint if a claim is missing.

    Claims about another subject are left out, and so is an answer that cannot be read.
    """
    id_claims: Mapping[str, Any] = token["userinfo"]
    if not needs_userinfo(id_claims, oidc):
        return [id_claims]
    try:
        userinfo = await provider.userinfo(token=token)
    except (httpx2.HTTPError, OAuthError, *_UNREADABLE) as error:
        _log.warning("the userinfo endpoint was not read: %r", error)
        return [id_claims]
    return [id_claims, userinfo] if userinfo.get("sub") == id_claims["sub"] else [id_claims]


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session and the user's leases, and the provider's session if it has a logout URL.

    Otherwise the provider might sign the next person at a shared station in as this one.
    """
    user = session_user(request)
    if user is not None:
        request.app.state.review_services.assigner.release_all_leases(user.name)
    users.sign_out(request)
    flash(request, "You are signed out.")
    return RedirectResponse(_logout_url(request.app.state.settings) or "/sign-in", 303)


def _logout_url(settings: ReviewAppSettings) -> str:
    """Return the URL at which the provider ends its session and returns to the app. Empty if it has none."""
    if settings.oidc is None or not settings.oidc.logout_url:
        return ""
    query = {"client_id": settings.oidc.client_id, "logout_uri": f"{settings.public_url}/"}
    return f"{settings.oidc.logout_url}?{urlencode(query)}"


def local_url(url: str) -> str:
    """Return the URL if it is a path of this app, otherwise the start page."""
    parts = urlsplit(url)
    is_path = not parts.scheme and not parts.netloc and url.startswith("/")
    return url if is_path and not url.startswith(("//", "/\\")) and url.isprintable() else "/"


def _get_provider(request: Request) -> Any:
    if request.app.state.provider is None:
        raise HTTPException(404)
    return request.app.state.provider
