"""Proof that a browser fetched a photo: a signed cookie that every worker can check."""

import hashlib
import hmac

from fastapi import HTTPException, Request, Response

from review_app.settings import ReviewAppSettings
from review_app.users import SESSION_HOURS, User

COOKIE = "displayed"


def set_proof(request: Request, response: Response, inspection_id: str, user: User) -> None:
    """Set the cookie that proves that this user's browser fetched the photo's display copy."""
    settings: ReviewAppSettings = request.app.state.settings
    response.set_cookie(
        COOKIE,
        _sign(settings, inspection_id, user),
        max_age=SESSION_HOURS * 3600,
        path=f"/review/{inspection_id}",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def require_proof(request: Request, inspection_id: str, user: User) -> None:
    """Raise 409 unless this user's browser fetched the photo's display copy."""
    proof = _sign(request.app.state.settings, inspection_id, user)
    if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), proof.encode()):
        raise HTTPException(
            409, "This browser has not loaded the photo, so it was not decided. Open it again."
        )


def _sign(settings: ReviewAppSettings, inspection_id: str, user: User) -> str:
    message = f"{COOKIE}\0{inspection_id}\0{user.name}".encode()
    return hmac.new(settings.session_secret.encode(), message, hashlib.sha256).hexdigest()[:32]
