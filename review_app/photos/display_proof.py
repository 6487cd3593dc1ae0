"""Proof that a session fetched a photo: a signed cookie that every worker can check."""

import hashlib
import hmac

from fastapi import HTTPException, Request, Response

from review_app.settings import ReviewAppSettings
from review_app.users import SESSION_HOURS
from workflow.inspections.objects import InspectionId

COOKIE = "displayed"
PROOF_SECONDS = SESSION_HOURS * 3600


def set_proof(
    request: Request, response: Response, inspection_id: InspectionId, seconds: int = PROOF_SECONDS
) -> None:
    """Set the cookie that proves for `seconds` that this session fetched the photo's display copy."""
    settings: ReviewAppSettings = request.app.state.settings
    response.set_cookie(
        COOKIE,
        _sign(request, COOKIE, inspection_id, request.session["id"]),
        max_age=seconds,
        path=f"/review/{inspection_id}",
        secure=settings.is_secure,
        httponly=True,
        samesite="lax",
    )


def has_proof(request: Request, inspection_id: InspectionId) -> bool:
    """Return True if this session fetched the photo's display copy."""
    proof = _sign(request, COOKIE, inspection_id, request.session["id"])
    return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), proof.encode())


def require_proof(request: Request, inspection_id: InspectionId) -> None:
    """Raise 428 unless this session fetched the photo's display copy."""
    if not has_proof(request, inspection_id):
        raise HTTPException(
            428, "This browser has not loaded the photo, so it was not decided. Open it again."
        )


def renew_proof(
    request: Request, response: Response, inspection_id: InspectionId, seconds: int = PROOF_SECONDS
) -> Response:
    """Let an existing proof end after `seconds`, and return the response.

    A decided photo needs its proof only for an undo. Browsers keep about 180 cookies of a host.
    """
    if has_proof(request, inspection_id):
        set_proof(request, response, inspection_id, seconds)
    return response


def copy_tag(request: Request, inspection_id: InspectionId, user_name: str) -> str:
    """Return the ETag of a display copy. Only a user who fetched the copy knows it."""
    return f'"{_sign(request, "copy", inspection_id, user_name)}"'


def _sign(request: Request, *parts: str) -> str:
    settings: ReviewAppSettings = request.app.state.settings
    return hmac.new(settings.session_secret.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()[
        :32
    ]
