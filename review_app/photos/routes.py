"""Photo routes. Photos are addressed by inspection id; no URL contains a key, a bucket or a version."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from review_app.photos import display_proof
from review_app.photos.display_copies import CopySize, PhotoService, UndisplayablePhoto
from review_app.users import SESSION_HOURS, User, page_user

router = APIRouter(prefix="/photos")
_ID = re.compile(r"[0-9a-f]{64}")
_HEADERS = {
    # An id stands for one version of one object, so its photo never changes.
    "Cache-Control": f"private, max-age={SESSION_HOURS * 3600}, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/{inspection_id}/{kind}")
def photo(
    request: Request, inspection_id: str, kind: str, user: Annotated[User, Depends(page_user)]
) -> Response:
    """Return a display copy (`review` or `list`) or the uploaded bytes (`original`).

    The copy for the review allows the user's browser to decide the photo. Its URL names the user, so that a
    copy in the browser's cache stands for one user.
    """
    photos: PhotoService = request.app.state.photos
    if not _ID.fullmatch(inspection_id) or kind not in ("review", "list", "original"):
        raise HTTPException(404, "Photo not found.")
    try:
        if kind == "original":
            content, media_type = photos.original(inspection_id)
        else:
            content, media_type = photos.display_copy(inspection_id, CopySize[kind.upper()]), "image/jpeg"
    except UndisplayablePhoto as error:
        raise HTTPException(415, str(error)) from error
    response = Response(content, media_type=media_type, headers=_HEADERS)
    if kind == "review":
        display_proof.set_proof(request, response, inspection_id, user)
    return response
