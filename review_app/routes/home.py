"""The front door, the static files, and the sign of life for whoever watches over the app."""

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse

from review_app.pages import STATIC, static_version
from review_app.security import HEALTH

router = APIRouter()
_FOR_EVER, _NOW = "public, max-age=31536000, immutable", "no-cache"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@router.get("/")
def front_door() -> RedirectResponse:
    return RedirectResponse("/review", 303)


@router.get(HEALTH)
def health() -> PlainTextResponse:
    return PlainTextResponse("ok")


@router.get("/static/{version}/{path:path}")
def static_file(version: str, path: str) -> FileResponse:
    """A page of another release may ask here meanwhile: it gets the file, but must not keep it."""
    file = (STATIC / path).resolve()
    if not file.is_relative_to(STATIC) or file.suffix not in _TYPES or not file.is_file():
        raise HTTPException(404)
    kept = _FOR_EVER if version == static_version() else _NOW
    return FileResponse(file, media_type=_TYPES[file.suffix], headers={"Cache-Control": kept})
