"""Display copies of photos: small, upright, without metadata, and cached within a size limit."""

import io
import threading
from collections import OrderedDict
from enum import IntEnum

from PIL import Image as PillowImage

from vision.photo_decoding import PhotoError, PhotoTooLargeError, open_photo
from workflow.errors import NotFound
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, InspectionId, ObjectStore
from workflow.inspections.repository import InspectionRepository
from workflow.photos.validation_result import MAX_BYTES

CACHE_BYTES = 96 * 1024 * 1024
MAX_CONCURRENT = 2
MOVE_ATTEMPTS = 3
JPEG_QUALITY = 86
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class CopySize(IntEnum):
    """The longer side of a display copy, in pixels."""

    LIST = 320
    REVIEW = 1024


class UndisplayablePhoto(Exception):
    """The bytes are not a photo that browsers can display safely."""


class PhotoService:
    """The photos as browsers get them; at most MAX_CONCURRENT copies are made at a time."""

    def __init__(
        self, inspections: InspectionRepository, objects: ObjectStore, cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._inspections = inspections
        self._objects = objects
        self._cache = _CopyCache(cache_bytes)
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)

    def display_copy(self, inspection_id: InspectionId, size: CopySize) -> bytes:
        """Return a JPEG of an inspection's photo. It never changes, as an id stands for one version."""
        if (cached := self._cache.get((inspection_id, size))) is not None:
            return cached
        content = self._fetch(inspection_id)
        with self._slots:
            copy = make_display_copy(content, size)
        self._cache.put((inspection_id, size), copy)
        return copy

    def original(self, inspection_id: InspectionId) -> tuple[bytes, str]:
        """Return the uploaded bytes and the media type that their signature indicates."""
        content = self._fetch(inspection_id)
        for signature, media_type in _SIGNATURES.items():
            if content.startswith(signature):
                return content, media_type
        raise UndisplayablePhoto("The upload is neither JPEG nor PNG, so it is not shown.")

    def _fetch(self, inspection_id: InspectionId) -> bytes:
        """Fetch the bytes; try again if the photo moves between reading its row and fetching it."""
        for _ in range(MOVE_ATTEMPTS):
            row = self._inspections.get(inspection_id)
            if row is None:
                raise NotFound("Inspection not found.")
            for image in _locations(row):
                found = self._objects.fetch(image, MAX_BYTES)
                if found is not None and found[1] is None:
                    raise UndisplayablePhoto("The upload is too large to be shown.")
                if found is not None and found[1] is not None:
                    return found[1]
        raise NotFound("The photo is missing: its upload was deleted before it could be filed.")


def _locations(row: Inspection) -> list[Image]:
    return [image for image in (row.location, row.pending_delete) if image is not None]


def make_display_copy(content: bytes, size: CopySize) -> bytes:
    """Return the photo as a JPEG that fits the size, with the pixels that the model sees.

    Raise UndisplayablePhoto for other bytes or a bomb.
    """
    try:
        with open_photo(content) as photo:
            photo.image.draft(photo.image.mode, (size, size))
            picture, _ = photo.to_eight_bits()
            upright = photo.turn_upright(picture)
            upright.thumbnail((size, size), PillowImage.Resampling.HAMMING, reducing_gap=2.0)
            return _encode_jpeg(upright)
    except PhotoTooLargeError as error:
        raise UndisplayablePhoto("The upload has too many pixels to be shown.") from error
    except PhotoError as error:
        raise UndisplayablePhoto("The upload is not a readable photo, so it is not shown.") from error


def _encode_jpeg(image: PillowImage.Image) -> bytes:
    """Encode the pixels alone, so that the copy has no metadata of the upload."""
    pixels = PillowImage.new(image.mode, image.size)
    pixels.paste(image)
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


class _CopyCache:
    """The most recently used copies, up to a total number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._copies: OrderedDict[tuple[str, CopySize], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, CopySize]) -> bytes | None:
        with self._lock:
            if key in self._copies:
                self._copies.move_to_end(key)
            return self._copies.get(key)

    def put(self, key: tuple[str, CopySize], content: bytes) -> None:
        with self._lock:
            self._size += len(content) - len(self._copies.pop(key, b""))
            self._copies[key] = content
            while self._size > self._limit:
                self._size -= len(self._copies.popitem(last=False)[1])
