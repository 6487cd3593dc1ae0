"""Display copies of photos: small, upright, without metadata, made once and kept within a bound."""

import io
import threading
from collections import OrderedDict
from enum import IntEnum

from PIL import Image as Picture
from PIL import ImageOps

from workflow.errors import NotFound
from workflow.inspections.inspection import Inspection, Ledger
from workflow.inspections.objects import Image, Shelf
from workflow.photos.photo import MAX_BYTES, MAX_SIDE

KEPT_BYTES = 96 * 1024 * 1024
AT_ONCE = 2
QUALITY = 86
_FORMATS = ("JPEG", "PNG")
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class Size(IntEnum):
    """The longer side of a display copy, in pixels."""

    LIST = 320
    REVIEW = 1024


class Unshowable(Exception):
    """The bytes are no photo that a browser should be given."""


class Photos:
    """The photos of one line, as browsers get them; at most `AT_ONCE` are worked on at a time."""

    def __init__(self, ledger: Ledger, shelf: Shelf, kept_bytes: int = KEPT_BYTES) -> None:
        self._ledger = ledger
        self._shelf = shelf
        self._kept = _Kept(kept_bytes)
        self._workbench = threading.BoundedSemaphore(AT_ONCE)

    def copy(self, inspection_id: str, size: Size) -> bytes:
        """A JPEG of an inspection's photo. An id stands for one version, so its copy never changes."""
        if (known := self._kept.get((inspection_id, size))) is not None:
            return known
        content = self._content(inspection_id)
        with self._workbench:
            made = display_copy(content, size)
        self._kept.put((inspection_id, size), made)
        return made

    def original(self, inspection_id: str) -> tuple[bytes, str]:
        """The uploaded bytes, with the one type that they begin like."""
        content = self._content(inspection_id)
        for signature, kind in _SIGNATURES.items():
            if content.startswith(signature):
                return content, kind
        raise Unshowable("The upload is no JPEG and no PNG, so it is not shown.")

    def _content(self, inspection_id: str) -> bytes:
        """The bytes, wherever they lie; a photo may be moved between the look at the row and the fetch."""
        for _ in range(3):
            row = self._ledger.get(inspection_id)
            if row is None:
                raise NotFound("There is no such inspection.")
            for place in _places(row):
                found = self._shelf.fetch(place, MAX_BYTES)
                if found is not None and found[1] is None:
                    raise Unshowable("The upload is too large to be shown.")
                if found is not None and found[1] is not None:
                    return found[1]
        raise NotFound("The photo is gone: its upload was deleted before it could be filed.")


def _places(row: Inspection) -> list[Image]:
    return [place for place in (row.location, row.leftover) if place is not None]


def display_copy(content: bytes, size: Size) -> bytes:
    """The photo as a JPEG that fits the size; Unshowable when it is none, or a bomb."""
    try:
        with Picture.open(io.BytesIO(content), formats=_FORMATS) as picture:
            if max(picture.size) > MAX_SIDE:
                raise Unshowable("The upload has too many pixels to be shown.")
            picture.draft("RGB", (size, size))
            upright = ImageOps.exif_transpose(_eight_bits(picture))
            upright.thumbnail((size, size), Picture.Resampling.HAMMING, reducing_gap=2.0)
            return _jpeg(upright)
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError) as error:
        raise Unshowable("The upload can't be read as a photo, so it is not shown.") from error


def _eight_bits(picture: Picture.Image) -> Picture.Image:
    """Grey or RGB on white, whatever the file used."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Picture.new("RGBA", coloured.size, "white")
        return Picture.alpha_composite(white, coloured).convert("RGB")
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _jpeg(picture: Picture.Image) -> bytes:
    """Encoded anew from the pixels alone, so that nothing else of the file survives."""
    bare = Picture.new(picture.mode, picture.size)
    bare.paste(picture)
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


class _Kept:
    """The copies asked for last, within so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._copies: OrderedDict[tuple[str, Size], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, Size]) -> bytes | None:
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
            return self._copies.get(key)

    def put(self, key: tuple[str, Size], content: bytes) -> None:
        with self._lock:
            self._size += len(content) - len(self._copies.pop(key, b""))
            self._copies[key] = content
            while self._size > self._limit:
                self._size -= len(self._copies.popitem(last=False)[1])
