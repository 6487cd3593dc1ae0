"""JPEG frame and scan headers, and the least number of bytes that each scan needs."""

import struct
from dataclasses import dataclass

from workflow.photos.validation_result import Rejection, RejectionReason, check_dimensions

_PROGRESSIVE = 0xC2
_UNSUPPORTED_ENCODINGS = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xDE, 0xDF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded"),
    0xF7: "lossless (JPEG-LS)",
}
_MAX_BLOCKS_IN_MCU = 10


def reject_corrupt(defect: str) -> Rejection:
    """Reject a file that contradicts itself or the JPEG standard."""
    return Rejection(
        RejectionReason.CORRUPT, f"The JPEG is damaged ({defect}): export or take the photo again."
    )


@dataclass(frozen=True, slots=True)
class ScanHeader:
    """A scan header: the components whose first data it has, and the least bytes of that data."""

    first_components: frozenset[int]
    min_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """The frame header. `components` maps an id to its horizontal and vertical sampling factors."""

    width: int
    height: int
    progressive: bool
    components: dict[int, tuple[int, int]]

    def read_scan_header(self, body: memoryview) -> ScanHeader | Rejection:
        """Read a scan header and check it against this frame header."""
        count = body[0] if body else 0
        if not 1 <= count <= 4 or len(body) != 4 + 2 * count:
            return reject_corrupt("a scan header has the wrong length")
        ids = frozenset(body[1 : 1 + 2 * count : 2])
        if len(ids) != count or not ids <= self.components.keys():
            return reject_corrupt("a scan names a colour that the frame header does not have")
        first, last, approximation = body[-3:]
        if self.progressive and not _is_legal_progression(count, first, last, approximation):
            return reject_corrupt("a progressive scan has impossible parameters")
        begins = first == 0 and approximation >> 4 == 0 if self.progressive else True
        if count > 1 and sum(h * v for h, v in map(self.components.__getitem__, ids)) > _MAX_BLOCKS_IN_MCU:
            return reject_corrupt("a scan interleaves more blocks than the standard allows")
        return ScanHeader(ids if begins else frozenset(), -(-self._min_bits(first) * self._blocks(ids) // 8))

    def _min_bits(self, first: int) -> int:
        """Return the least bits of a block: a Huffman code has one, a sequential block has two codes."""
        if not self.progressive:
            return 2
        return 1 if first == 0 else 0

    def _blocks(self, ids: frozenset[int]) -> int:
        widest = max(h for h, _ in self.components.values())
        tallest = max(v for _, v in self.components.values())
        if len(ids) > 1:
            units = -(-self.width // (8 * widest)) * -(-self.height // (8 * tallest))
            return units * sum(
                self.components[component][0] * self.components[component][1] for component in ids
            )
        (only,) = ids
        h, v = self.components[only]
        return -(-self.width * h // (8 * widest)) * -(-self.height * v // (8 * tallest))


def read_frame_header(marker: int, body: memoryview) -> FrameHeader | Rejection:
    """Read a frame header. Reject impossible and unsupported values before any data is read."""
    if encoding := _UNSUPPORTED_ENCODINGS.get(marker):
        return _reject_unsupported(encoding)
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return reject_corrupt("the frame header has the wrong length")
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if bits == 12:
        return _reject_unsupported("12-bit")
    if bits != 8 or count not in (1, 2, 3, 4):
        return reject_corrupt("the frame header has impossible numbers")
    if count == 2 or height == 0:
        return _reject_unsupported("two-colour" if count == 2 else "height-less (DNL)")
    if rejection := check_dimensions(width, height):
        return rejection
    components = {body[at]: (body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, len(body), 3)}
    if len(components) != count or not all(1 <= f <= 4 for pair in components.values() for f in pair):
        return reject_corrupt("the frame header has impossible sampling factors")
    return FrameHeader(width=width, height=height, progressive=marker == _PROGRESSIVE, components=components)


def _is_legal_progression(count: int, first: int, last: int, approximation: int) -> bool:
    high, low = approximation >> 4, approximation & 15
    band = last == 0 if first == 0 else count == 1 and first <= last <= 63
    return band and low <= 13 and high in (0, low + 1)


def _reject_unsupported(encoding: str) -> Rejection:
    return Rejection(
        RejectionReason.UNSUPPORTED_FORMAT,
        f"The photo is a JPEG of the {encoding} kind, which most programs cannot read: "
        "save it as an ordinary 8-bit JPEG (baseline or progressive).",
    )
