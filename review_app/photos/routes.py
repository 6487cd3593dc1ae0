"""Photo routes. Photos are addressed by inspection id; no URL contains a key, a bucket or a version."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from review_app.photos import display_proof
from review_app.photos.display_copies import CopySize, PhotoService, UndisplayablePhoto
from review_app.users import SESSION_HOURS, User, page_user
from workflow.inspections.objects import InspectionId

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
    request: Request, inspection_id: InspectionId, kind: str, user: Annotated[User, Depends(page_user)]
) -> Response:
    """Return a display copy (`review` or `list`) or the uploaded bytes (`original`).

    The copy for the review allows the user's session to decide the photo. A browser asks each time whether
    its copy is still valid, so that each session has its own proof.
    """
    photos: PhotoService = request.app.state.photos
    if not _ID.fullmatch(inspection_id) or kind not in ("review", "list", "original"):
        raise HTTPException(404, "Photo not found.")
    if kind == "review" and is_known_copy(request, inspection_id, user):
        return _prove(request, Response(status_code=304), inspection_id, user)
    try:
        if kind == "original":
            content, media_type = photos.original(inspection_id)
        else:
            content, media_type = photos.display_copy(inspection_id, CopySize[kind.upper()]), "image/jpeg"
    except UndisplayablePhoto as error:
        raise HTTPException(415, str(error)) from error
    response = Response(content, media_type=media_type, headers=_HEADERS)
    return _prove(request, response, inspection_id, user) if kind == "review" else response


def is_known_copy(request: Request, inspection_id: InspectionId, user: User) -> bool:
    """Return True if the user's browser has the copy for the review in its cache."""
    tags = request.headers.get("if-none-match", "").split(",")
    return display_proof.copy_tag(request, inspection_id, user.name) in [tag.strip() for tag in tags]


def _prove(request: Request, response: Response, inspection_id: InspectionId, user: User) -> Response:
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["ETag"] = display_proof.copy_tag(request, inspection_id, user.name)
    display_proof.set_proof(request, response, inspection_id)
    return response
