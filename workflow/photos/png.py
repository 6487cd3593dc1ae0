"""A walk along the chunks of a PNG that keeps nothing it inflates."""

import zlib
from dataclasses import dataclass

from workflow.photos import exif, png_header
from workflow.photos.photo import Frame, Reason, Rejection
from workflow.photos.png_header import Header, Inflation, corrupt

# Far above what any encoder writes; it bounds the time that a hostile file can take.
MAX_CHUNKS = 20_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"

_TRUNCATED = Rejection(
    Reason.TRUNCATED, "The PNG stops before its end chunk, as an interrupted transfer does: upload it again."
)


def recognises(content: bytes) -> bool:
    """A damaged or a cut signature is a PNG too, if there is enough of it."""
    return content.startswith(b"\x89PNG") or content in (b"\x89P", b"\x89PN")


def walk(content: bytes) -> Frame | Rejection:
    """From the signature to the end chunk; what follows the end chunk is nobody's business."""
    if not content.startswith(SIGNATURE):
        if SIGNATURE.startswith(content):
            return _TRUNCATED
        return corrupt("its signature is altered, as a transfer in text mode does")
    view, position, steps = memoryview(content), len(SIGNATURE), _Steps()
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(view[position : position + 4], "big")
        name = content[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(content):
            return _TRUNCATED
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return corrupt("the checksum of a chunk is wrong")
        outcome = steps.take(name, view[position + 8 : end - 4])
        if outcome is not None:
            return outcome
        position = end
    return corrupt(f"it has more than {MAX_CHUNKS:,} chunks")


@dataclass(slots=True)
class _Steps:
    """What the walk has learned so far."""

    header: Header | None = None
    has_palette: bool = False
    pixels: Inflation | None = None
    pixels_are_over: bool = False
    orientation: int | None = None

    def take(self, name: bytes, data: memoryview) -> Frame | Rejection | None:
        """None means: go on."""
        if self.header is None:
            return self._take_header(name, data)
        if name == b"IDAT":
            return self._take_pixels(self.header, data)
        self.pixels_are_over = self.pixels is not None
        if name == b"IEND":
            return self._finish(self.header)
        if name == b"PLTE":
            self.has_palette = True
            return None if png_header.is_palette(data) else corrupt("its palette has an impossible length")
        return self._take_other(name, data)

    def _take_header(self, name: bytes, data: memoryview) -> Rejection | None:
        header = png_header.read(name, data)
        if isinstance(header, Rejection):
            return header
        self.header = header
        return None

    def _take_pixels(self, header: Header, data: memoryview) -> Rejection | None:
        if self.pixels_are_over:
            return corrupt("its picture data is interrupted by another chunk")
        if self.pixels is None:
            if header.needs_palette and not self.has_palette:
                return corrupt("its palette is missing")
            self.pixels = Inflation(header.raw_bytes)
        return self.pixels.feed(data)

    def _take_other(self, name: bytes, data: memoryview) -> Rejection | None:
        if name == b"acTL":
            return Rejection(
                Reason.ANIMATED, "The PNG is animated, but one still picture is needed: save a single frame."
            )
        if name == b"eXIf" and self.orientation is None:
            self.orientation = exif.orientation(data)
        if not name.isalpha() or name == b"IHDR":
            return corrupt("it holds a chunk that no PNG has there")
        if name[:1].isupper():
            return png_header.unsupported("a chunk that readers must understand, but that no standard names")
        return None

    def _finish(self, header: Header) -> Frame | Rejection:
        if self.pixels is None:
            return corrupt("it ends without a picture")
        if refused := self.pixels.finish():
            return refused
        return Frame(header.width, header.height, self.orientation or exif.UPRIGHT)
