"""How a PNG's header says its picture is laid out, hence how many bytes its data must inflate to."""

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from workflow.photos.photo import Reason, Rejection, refuse_shape

# Colour type: channels, bit depths.
_KINDS = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_PALETTE = 3
# Adam7: first column, first row, column step, row step.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_WHOLE = ((0, 0, 1, 1),)

# Small, because zlib copies the rest of its input whenever the output buffer is full.
_INPUT = 16 * 1024
_OUTPUT = 64 * 1024


def corrupt(how: str) -> Rejection:
    """The file contradicts itself or the PNG standard."""
    return Rejection(Reason.CORRUPT, f"The PNG is damaged ({how}): export or take the photo again.")


def unsupported(what: str) -> Rejection:
    """A PNG to somebody, but not to an ordinary reader."""
    return Rejection(Reason.UNSUPPORTED_FORMAT, f"The PNG has {what}: save it as an ordinary PNG or JPEG.")


@dataclass(frozen=True, slots=True)
class Header:
    """The picture's sides, and what they promise about the data."""

    width: int
    height: int
    raw_bytes: int
    needs_palette: bool


def read(name: bytes, data: memoryview) -> Header | Rejection:
    """Read the first chunk; what its numbers forbid is refused here, before anything is inflated."""
    if name == b"CgBI":
        return unsupported("Apple's private CgBI encoding")
    if name != b"IHDR" or len(data) != 13:
        return corrupt("it does not begin with a header chunk")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    channels, depths = _KINDS.get(colour, (0, ()))
    if depth not in depths or compression or filtering or interlace > 1:
        return corrupt("its header has impossible numbers")
    if refused := refuse_shape(width, height):
        return refused
    raw_bytes = sum(
        -(-(height - y) // down) * (1 + (-(-(width - x) // right) * depth * channels + 7) // 8)
        for x, y, right, down in (_PASSES if interlace else _WHOLE)
    )
    return Header(width, height, raw_bytes, colour == _PALETTE)


def is_palette(data: memoryview) -> bool:
    """One to 256 colours of three bytes."""
    return len(data) % 3 == 0 and 3 <= len(data) <= 3 * 256


@dataclass(slots=True)
class Inflation:
    """Counts what the picture data inflates to, a small buffer at a time, no further than expected."""

    expected: int
    produced: int = 0
    # typeshed gives zlib's decompressor no public name.
    _stream: Any = field(default_factory=zlib.decompressobj)

    def feed(self, data: memoryview) -> Rejection | None:
        """What follows the end of the compressed stream is ignored, as decoders ignore it."""
        try:
            for start in range(0, len(data), _INPUT):
                if not self._inflate(data[start : start + _INPUT]):
                    return corrupt(f"its data inflates to more than the header's {self.expected:,} bytes")
        except zlib.error:
            return corrupt("its picture data cannot be inflated")
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
        """All of the picture must have arrived."""
        if self.produced < self.expected or not self._stream.eof:
            return corrupt(f"its data inflates to {self.produced:,} of {self.expected:,} bytes")
        return None
