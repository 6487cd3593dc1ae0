"""Signing in and out: OpenID Connect, or by any name where no other machine reaches the app."""

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
from review_app.pages import page, tell
from review_app.settings import OpenId, Settings, is_loopback
from review_app.users import MAX_NAME, Role, signed_in

_AWAY = "The sign-in service does not answer; try again in a moment."
router = APIRouter()


def install(app: FastAPI, settings: Settings) -> None:
    """Know the provider, if there is one; its addresses are discovered when somebody signs in."""
    app.state.provider = _provider(settings.open_id) if settings.open_id else None


def _provider(open_id: OpenId) -> Any:
    return OAuth().register(
        "provider",
        client_id=open_id.client_id,
        client_secret=open_id.client_secret,
        server_metadata_url=open_id.discovery_url,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )


@router.get("/sign-in")
def form(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    settings: Settings = request.app.state.settings
    provider = settings.open_id.provider if settings.open_id else ""
    return page(request, "sign_in.html", next=inside(next), provider=provider)


@router.post("/sign-in")
def sign_in_by_name(
    request: Request,
    name: Annotated[str, Form(min_length=1, max_length=MAX_NAME)],
    role: Annotated[Role, Form()] = Role.REVIEWER,
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """The development sign-in: only where the app is local, and only for who is on this machine."""
    settings: Settings = request.app.state.settings
    caller = request.client.host if request.client else ""
    if settings.open_id or not settings.is_local or not is_loopback(caller):
        raise HTTPException(404)
    if not name.strip() or not name.isprintable():
        raise HTTPException(400, "A name has at least one character, and no control characters.")
    users.sign_in(request, name.strip(), [role])
    return RedirectResponse(inside(next), 303)


@router.get("/sign-in/start")
async def start(request: Request, next: str = "/") -> Response:  # noqa: A002
    """Off to the provider, with state, nonce and the PKCE challenge.

    It must ask who one is: at a shared station its own session may be that of who was here before.
    """
    provider = _known_provider(request)
    request.session["next"] = inside(next)
    address = f"{request.app.state.settings.public_url}/sign-in/callback"
    try:
        answer: Response = await provider.authorize_redirect(request, address, prompt="login")
    except httpx2.HTTPError as error:
        raise HTTPException(503, _AWAY) from error
    return answer


@router.get("/sign-in/callback")
async def callback(request: Request) -> Response:
    """Back from the provider: the code becomes a checked ID token, the token a session."""
    open_id: OpenId = request.app.state.settings.open_id
    try:
        token = await _known_provider(request).authorize_access_token(request)
    except httpx2.HTTPError as error:
        raise HTTPException(503, _AWAY) from error
    except (OAuthError, JoseError) as error:
        raise HTTPException(403, "The sign-in was not completed; start it again.") from error
    claims: Mapping[str, Any] = token["userinfo"]
    wanted = request.session.get("next", "/")
    name = str(claims.get(open_id.name_claim) or "")[:MAX_NAME]
    roles = roles_from(claims.get(open_id.roles_claim))
    if not name or not roles or claims.get("email_verified") is False:
        request.session.clear()
        raise HTTPException(403, "Your account has no role in this app; ask whoever runs it for one.")
    await asyncio.to_thread(users.sign_in, request, name, roles)
    return RedirectResponse(inside(wanted), 303)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    user = signed_in(request)
    if user is not None:
        request.app.state.workbench.desk.release_all(user.name)
    users.sign_out(request)
    tell(request, "You are signed out.")
    return RedirectResponse("/sign-in", 303)


def inside(address: str) -> str:
    """The address if it lies within this app, else the front door."""
    parts = urlsplit(address)
    own = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if own and not address.startswith(("//", "/\\")) and address.isprintable() else "/"


def roles_from(claim: object) -> set[Role]:
    """The roles that a claim grants: a list or words; whatever is no role of ours is ignored."""
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    return {Role(word) for word in words if word in set(Role)}


def _known_provider(request: Request) -> Any:
    if request.app.state.provider is None:
        raise HTTPException(404)
    return request.app.state.provider
