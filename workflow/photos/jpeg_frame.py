"""How a JPEG's frame header says its picture is laid out, hence how much data each scan needs at least."""

import struct
from dataclasses import dataclass

from workflow.photos.photo import Reason, Rejection, refuse_shape

_PROGRESSIVE = 0xC2
_ENCODINGS_REFUSED = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xDE, 0xDF), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded"),
    0xF7: "lossless (JPEG-LS)",
}
_MAX_BLOCKS_IN_MCU = 10


def corrupt(how: str) -> Rejection:
    """The file contradicts itself or the JPEG standard."""
    return Rejection(Reason.CORRUPT, f"The JPEG is damaged ({how}): export or take the photo again.")


@dataclass(frozen=True, slots=True)
class Scan:
    """Which components get their first data here, with the fewest bytes that can hold it."""

    begins: frozenset[int]
    least_bytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The frame header; `components` maps an id to its horizontal and vertical sampling factors."""

    width: int
    height: int
    progressive: bool
    components: dict[int, tuple[int, int]]

    def scan(self, body: memoryview) -> Scan | Rejection:
        """Read a scan header against this layout."""
        count = body[0] if body else 0
        if not 1 <= count <= 4 or len(body) != 4 + 2 * count:
            return corrupt("a scan header has the wrong length")
        ids = frozenset(body[1 : 1 + 2 * count : 2])
        if len(ids) != count or not ids <= self.components.keys():
            return corrupt("a scan names a colour that the frame header does not have")
        first, last, approximation = body[-3:]
        if self.progressive and not _progression_is_legal(count, first, last, approximation):
            return corrupt("a progressive scan has impossible parameters")
        begins = first == 0 and approximation >> 4 == 0 if self.progressive else True
        if count > 1 and sum(h * v for h, v in map(self.components.__getitem__, ids)) > _MAX_BLOCKS_IN_MCU:
            return corrupt("a scan interleaves more blocks than the standard allows")
        return Scan(ids if begins else frozenset(), -(-self._least_bits(first) * self._blocks(ids) // 8))

    def _least_bits(self, first: int) -> int:
        """A Huffman code has at least one bit; a sequential block has a DC code with an end-of-block."""
        if not self.progressive:
            return 2
        return 1 if first == 0 else 0

    def _blocks(self, ids: frozenset[int]) -> int:
        widest = max(h for h, _ in self.components.values())
        tallest = max(v for _, v in self.components.values())
        if len(ids) > 1:
            units = -(-self.width // (8 * widest)) * -(-self.height // (8 * tallest))
            return units * sum(self.components[one][0] * self.components[one][1] for one in ids)
        (only,) = ids
        h, v = self.components[only]
        return -(-self.width * h // (8 * widest)) * -(-self.height * v // (8 * tallest))


def read(marker: int, body: memoryview) -> Layout | Rejection:
    """Read a frame header; what its numbers forbid is refused here, before any data is looked at."""
    if encoding := _ENCODINGS_REFUSED.get(marker):
        return _unsupported(encoding)
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return corrupt("the frame header has the wrong length")
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if bits == 12:
        return _unsupported("12-bit")
    if bits != 8 or count not in (1, 2, 3, 4):
        return corrupt("the frame header has impossible numbers")
    if count == 2 or height == 0:
        return _unsupported("two-colour" if count == 2 else "height-less (DNL)")
    if refused := refuse_shape(width, height):
        return refused
    components = {body[at]: (body[at + 1] >> 4, body[at + 1] & 15) for at in range(6, len(body), 3)}
    if len(components) != count or not all(1 <= f <= 4 for pair in components.values() for f in pair):
        return corrupt("the frame header has impossible sampling factors")
    return Layout(width, height, marker == _PROGRESSIVE, components)


def _progression_is_legal(count: int, first: int, last: int, approximation: int) -> bool:
    high, low = approximation >> 4, approximation & 15
    band = last == 0 if first == 0 else count == 1 and first <= last <= 63
    return band and low <= 13 and high in (0, low + 1)


def _unsupported(encoding: str) -> Rejection:
    return Rejection(
        Reason.UNSUPPORTED_FORMAT,
        f"The photo is a JPEG of the {encoding} kind, which most programs cannot read: "
        "save it as an ordinary 8-bit JPEG (baseline or progressive).",
    )
