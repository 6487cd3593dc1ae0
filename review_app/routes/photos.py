"""Photos for browsers, found by inspection id; no key, bucket or version is ever taken from an address."""

import re

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from review_app.photos import Photos, Size, Unshowable
from review_app.users import SESSION_HOURS, current_user

router = APIRouter(prefix="/photos", dependencies=[Depends(current_user)])
_ID = re.compile(r"[0-9a-f]{64}")
_HEADERS = {
    # The id stands for one version of one object: what it shows never changes.
    "Cache-Control": f"private, max-age={SESSION_HOURS * 3600}, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@router.get("/{inspection_id}/{kind}")
def photo(request: Request, inspection_id: str, kind: str) -> Response:
    """`review` and `list` are display copies, `original` the uploaded bytes."""
    photos: Photos = request.app.state.photos
    if not _ID.fullmatch(inspection_id) or kind not in ("review", "list", "original"):
        raise HTTPException(404, "There is no such photo.")
    try:
        if kind == "original":
            content, media_type = photos.original(inspection_id)
        else:
            content, media_type = photos.copy(inspection_id, Size[kind.upper()]), "image/jpeg"
    except Unshowable as error:
        raise HTTPException(415, str(error)) from error
    return Response(content, media_type=media_type, headers=_HEADERS)
