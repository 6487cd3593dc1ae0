"""Routes outside the page families: the start page, the health check and the static files."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from review_app.assets import load_assets, static_version
from review_app.security import HEALTH_PATH

router = APIRouter()
_IMMUTABLE, _NO_CACHE = "public, max-age=31536000, immutable", "no-cache"


@router.get("/")
def start_page() -> RedirectResponse:
    """Redirect to the review page."""
    return RedirectResponse("/review", 303)


@router.get(HEALTH_PATH)
def health() -> PlainTextResponse:
    """Answer health checks; needs no session."""
    return PlainTextResponse("ok")


@router.get("/static/{version}/{path:path}")
async def static_file(request: Request, version: str, path: str) -> Response:
    """Serve a static file. A page of another release gets the current file, marked as not cacheable."""
    asset = load_assets().get(path)
    if asset is None:
        raise HTTPException(404)
    headers = {"Cache-Control": _IMMUTABLE if version == static_version() else _NO_CACHE}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(asset.compressed, media_type=asset.media_type, headers=headers)
