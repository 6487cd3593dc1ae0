"""Static files: read and compressed once, with a digest of all files in their URLs, and the icons."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup

_ROOT = Path(__file__).resolve().parent
STATIC = _ROOT / "static"
ICONS = _ROOT / "templates" / "icons.svg"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT = re.compile(r'@import "([\w.-]+)";')
_SYMBOL = re.compile(r'<symbol id="([\w-]+)">(.+)</symbol>')


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file: its bytes, plain and compressed with gzip."""

    media_type: str
    content: bytes
    compressed: bytes


@cache
def load_assets() -> Mapping[str, Asset]:
    """Read all static files; returns them by their path below static/. No other path is served."""
    return {
        file.relative_to(STATIC).as_posix(): Asset(media_type, content, gzip.compress(content, mtime=0))
        for file in sorted(STATIC.rglob("*"))
        if (media_type := _MEDIA_TYPES.get(file.suffix)) and (content := _resolve_imports(file).encode())
    }


@cache
def static_version() -> str:
    """Return a digest of all static files. It is part of their URLs, so browsers can cache them for ever."""
    digest = hashlib.sha256()
    for path, asset in load_assets().items():
        digest.update(path.encode() + b"\0" + asset.content)
    return digest.hexdigest()[:12]


def static_url(path: str) -> str:
    """Return the URL of a static file."""
    return f"/static/{static_version()}/{path}"


@cache
def load_icons() -> Mapping[str, Markup]:
    """Read the icons' SVG content by name. Icons are inline, so that a page needs no request for them."""
    text = ICONS.read_text(encoding="utf-8")
    return {name: Markup(content) for name, content in _SYMBOL.findall(text)}  # noqa: S704 - our own file


def _resolve_imports(file: Path) -> str:
    """Return a style sheet with its imports inlined, so that a browser loads one file."""
    text = file.read_text(encoding="utf-8")
    return _IMPORT.sub(lambda match: _resolve_imports(file.parent / match[1]), text)
