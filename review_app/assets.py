"""The static files as browsers get them: read once, compressed once, named by a digest of all."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup

_HERE = Path(__file__).resolve().parent
STATIC = _HERE / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT = re.compile(r'@import "([\w.-]+)";')
_SYMBOL = re.compile(r'<symbol id="([\w-]+)">(.+)</symbol>')


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file, as it is and as most browsers want it."""

    media_type: str
    content: bytes
    compressed: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Every static file by its path under static/; no other path is known, so none leads elsewhere."""
    return {
        file.relative_to(STATIC).as_posix(): Asset(kind, content, gzip.compress(content, mtime=0))
        for file in sorted(STATIC.rglob("*"))
        if (kind := _TYPES.get(file.suffix)) and (content := _whole(file).encode())
    }


@cache
def static_version() -> str:
    """A digest of all static files, part of their addresses, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path, asset in assets().items():
        digest.update(path.encode() + b"\0" + asset.content)
    return digest.hexdigest()[:12]


def static(path: str) -> str:
    """The address of a static file."""
    return f"/static/{static_version()}/{path}"


@cache
def shapes() -> Mapping[str, Markup]:
    """The drawing of each icon; it stands in the page, so that no page waits for it or is laid out again."""
    text = (_HERE / "templates" / "icons.svg").read_text(encoding="utf-8")
    return {name: Markup(drawing) for name, drawing in _SYMBOL.findall(text)}  # noqa: S704 - our own file


def _whole(file: Path) -> str:
    """A style sheet with those it imports in their places: a browser waits for one file, not for a chain."""
    return _IMPORT.sub(lambda found: _whole(file.parent / found[1]), file.read_text(encoding="utf-8"))
