"""PNG structure: checks the chunks of a file and discards the inflated data (PNG specification, clause 5)."""

import zlib
from dataclasses import dataclass

from workflow.photos import exif, png_header
from workflow.photos.png_header import InflateCounter, PngHeader, reject_corrupt
from workflow.photos.validation_result import Frame, Rejection, RejectionReason

# Far above the output of any encoder. It bounds the time that a hostile file can take.
MAX_CHUNKS = 20_000
SIGNATURE = b"\x89PNG\r\n\x1a\n"

_TRUNCATED = Rejection(
    RejectionReason.TRUNCATED,
    "The PNG stops before its end chunk, as an interrupted transfer does: upload it again.",
)


def is_png(content: bytes) -> bool:
    """Return True if the file starts as a PNG, even if its signature is damaged or truncated."""
    return content.startswith(b"\x89PNG") or content in (b"\x89P", b"\x89PN")


def check_structure(content: bytes) -> Frame | Rejection:
    """Check the file from its signature to its end chunk. Ignore the bytes after the end chunk."""
    if not content.startswith(SIGNATURE):
        if SIGNATURE.startswith(content):
            return _TRUNCATED
        return reject_corrupt("its signature is altered, as a transfer in text mode does")
    view, position, state = memoryview(content), len(SIGNATURE), _State()
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(view[position : position + 4], "big")
        name = content[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(content):
            return _TRUNCATED
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return reject_corrupt("the checksum of a chunk is wrong")
        outcome = state.take_chunk(name, view[position + 8 : end - 4])
        if outcome is not None:
            return outcome
        position = end
    return reject_corrupt(f"it has more than {MAX_CHUNKS:,} chunks")


@dataclass(slots=True)
class _State:
    """The state of the check after the chunks so far."""

    header: PngHeader | None = None
    has_palette: bool = False
    pixels: InflateCounter | None = None
    pixels_ended: bool = False
    orientation: int | None = None

    def take_chunk(self, name: bytes, data: memoryview) -> Frame | Rejection | None:
        """Check one chunk. Return the frame after the last one, a rejection, or None to continue."""
        if self.header is None:
            return self._take_header(name, data)
        if name == b"IDAT":
            return self._take_pixels(self.header, data)
        self.pixels_ended = self.pixels is not None
        if name == b"IEND":
            return self._finish(self.header)
        if name == b"PLTE":
            self.has_palette = True
            return (
                None
                if png_header.is_valid_palette(data)
                else reject_corrupt("its palette has an impossible length")
            )
        return self._take_other(name, data)

    def _take_header(self, name: bytes, data: memoryview) -> Rejection | None:
        header = png_header.read_header(name, data)
        if isinstance(header, Rejection):
            return header
        self.header = header
        return None

    def _take_pixels(self, header: PngHeader, data: memoryview) -> Rejection | None:
        if self.pixels_ended:
            return reject_corrupt("its picture data is interrupted by another chunk")
        if self.pixels is None:
            if header.needs_palette and not self.has_palette:
                return reject_corrupt("its palette is missing")
            self.pixels = InflateCounter(header.inflated_size)
        return self.pixels.feed(data)

    def _take_other(self, name: bytes, data: memoryview) -> Rejection | None:
        if name == b"acTL":
            return Rejection(
                RejectionReason.ANIMATED,
                "The PNG is animated, but one still picture is needed: save a single frame.",
            )
        if name == b"eXIf" and self.orientation is None:
            self.orientation = exif.read_orientation(data)
        if not name.isalpha() or name == b"IHDR":
            return reject_corrupt("it holds a chunk that no PNG has there")
        if name[:1].isupper():
            return png_header.reject_unsupported(
                "a chunk that readers must understand, but that no standard names"
            )
        return None

    def _finish(self, header: PngHeader) -> Frame | Rejection:
        if self.pixels is None:
            return reject_corrupt("it ends without a picture")
        if rejection := self.pixels.finish():
            return rejection
        return Frame(header.width, header.height, self.orientation or exif.UPRIGHT)
