"""The PNG header, and the number of bytes that the picture data must inflate to."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from workflow.photos.validation_result import Rejection, RejectionReason, check_dimensions

# Colour type: channels, bit depths.
_COLOUR_TYPES = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_PALETTE = 3
# Adam7: first column, first row, column step, row step.
_ADAM7_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_SINGLE_PASS = ((0, 0, 1, 1),)

# Small, because zlib copies the rest of its input whenever the output buffer is full.
_INPUT = 16 * 1024
_OUTPUT = 64 * 1024


def reject_corrupt(defect: str) -> Rejection:
    """Reject a file that contradicts itself or the PNG standard."""
    return Rejection(
        RejectionReason.CORRUPT, f"The PNG is damaged ({defect}): export or take the photo again."
    )


def reject_unsupported(feature: str) -> Rejection:
    """Reject a PNG that ordinary readers do not support."""
    return Rejection(
        RejectionReason.UNSUPPORTED_FORMAT, f"The PNG has {feature}: save it as an ordinary PNG or JPEG."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PngHeader:
    """The PNG header: the picture's dimensions in pixels, and the size of its inflated data in bytes."""

    width: int
    height: int
    inflated_size: int
    needs_palette: bool


def read_header(name: bytes, data: memoryview) -> PngHeader | Rejection:
    """Read the first chunk. Reject impossible and unsupported values before anything is inflated."""
    if name == b"CgBI":
        return reject_unsupported("Apple's private CgBI encoding")
    if name != b"IHDR" or len(data) != 13:
        return reject_corrupt("it does not begin with a header chunk")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    channels, depths = _COLOUR_TYPES.get(colour, (0, ()))
    if depth not in depths or compression or filtering or interlace > 1:
        return reject_corrupt("its header has impossible numbers")
    if rejection := check_dimensions(width, height):
        return rejection
    inflated_size = sum(
        -(-(height - y) // down) * (1 + (-(-(width - x) // right) * depth * channels + 7) // 8)
        for x, y, right, down in (_ADAM7_PASSES if interlace else _SINGLE_PASS)
    )
    return PngHeader(
        width=width, height=height, inflated_size=inflated_size, needs_palette=colour == _PALETTE
    )


def is_valid_palette(data: memoryview) -> bool:
    """Return True if the palette has 1 to 256 colours of three bytes."""
    return len(data) % 3 == 0 and 3 <= len(data) <= 3 * 256


@dataclass(slots=True)
class InflateCounter:
    """A counter of inflated bytes. It inflates into a small buffer, and stops above the expected size."""

    expected: int
    produced: int = 0
    # typeshed gives zlib's decompressor no public name.
    _stream: Any = field(default_factory=zlib.decompressobj)

    def feed(self, data: memoryview) -> Rejection | None:
        """Inflate more data. Ignore the bytes after the end of the compressed stream, as decoders do."""
        try:
            for start in range(0, len(data), _INPUT):
                if not self._inflate(data[start : start + _INPUT]):
                    return reject_corrupt(
                        f"its data inflates to more than the header's {self.expected:,} bytes"
                    )
        except zlib.error:
            return reject_corrupt("its picture data cannot be inflated")
        return None

    def _inflate(self, pending: memoryview) -> bool:
        rest: memoryview | bytes = pending
        while not self._stream.eof:
            inflated = self._stream.decompress(rest, _OUTPUT)
            self.produced += len(inflated)
            if self.produced > self.expected:
                return False
            if len(inflated) < _OUTPUT:
                break
            rest = self._stream.unconsumed_tail
        return True

    def finish(self) -> Rejection | None:
        """Reject the picture if its data is incomplete."""
        if self.produced < self.expected or not self._stream.eof:
            return reject_corrupt(f"its data inflates to {self.produced:,} of {self.expected:,} bytes")
        return None
