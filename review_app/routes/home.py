"""The front door, the static files, and the sign of life for whoever watches over the app."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from review_app.assets import assets, static_version
from review_app.security import HEALTH

router = APIRouter()
_FOR_EVER, _NOW = "public, max-age=31536000, immutable", "no-cache"


@router.get("/")
def front_door() -> RedirectResponse:
    return RedirectResponse("/review", 303)


@router.get(HEALTH)
def health() -> PlainTextResponse:
    return PlainTextResponse("ok")


@router.get("/static/{version}/{path:path}")
async def static_file(request: Request, version: str, path: str) -> Response:
    """A page of another release may ask here meanwhile: it gets the file, but must not keep it."""
    asset = assets().get(path)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOR_EVER if version == static_version() else _NOW}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(asset.compressed, media_type=asset.media_type, headers=headers)
