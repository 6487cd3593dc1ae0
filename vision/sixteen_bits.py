"""Sixteen-bit PNG files: find how many bits the camera used, and keep the upper eight of them.

Industrial cameras write 10, 12 or 14 bits into 16. Right-aligned values would be nearly black if they were
read as 16 bits. Left-aligned values end in zero bits and fill the range already.
"""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vision.png_chunks import SIGNATURE

BIT_DEPTHS = (10, 12, 14, 16)
FULL_RANGE = 16
# High bytes from here on need more than 14 bits.
_HIGH_BYTE_OF_FULL_RANGE = 64
_LEAST_ZERO_BITS = 2
_BIT_DEPTH_OFFSET = 24
_GREY_WITH_ALPHA = 4
_HEADER = slice(12, 29)  # type and content of the first chunk; its checksum follows

Bytes = NDArray[np.uint8]


def has_sixteen_bits(content: bytes) -> bool:
    """Return True if a file is a PNG with 16 bits a sample."""
    return content.startswith(SIGNATURE) and content[_BIT_DEPTH_OFFSET : _BIT_DEPTH_OFFSET + 1] == b"\x10"


def find_bit_depth(used: int) -> tuple[int, int]:
    """Return the bits that a camera used (10, 12, 14 or 16), and the number of bits up to their upper end.

    `used` has each bit that any value of the photo has. A photo that is so dark that it needs fewer bits than
    its camera has is read with fewer bits.
    """
    if used == 0:
        return FULL_RANGE, FULL_RANGE
    zeros = (used & -used).bit_length() - 1
    left_aligned = zeros >= _LEAST_ZERO_BITS
    bits = FULL_RANGE - zeros if left_aligned else used.bit_length()
    bit_depth = next(depth for depth in BIT_DEPTHS if depth >= bits)
    return bit_depth, FULL_RANGE if left_aligned else bit_depth


def stretch_grey(image: Image.Image) -> tuple[Image.Image, int]:
    """Return a grey 16-bit picture in 8 bits, with its transparent value made white, and the used bits."""
    values = np.asarray(image).astype(np.uint16)
    bit_depth, upper_end = find_bit_depth(int(np.bitwise_or.reduce(values, axis=None)))
    picture = Image.fromarray((values >> (upper_end - 8)).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        picture.paste("white", mask=Image.fromarray(values == transparent))
    return picture, bit_depth


def stretch_colours(image: Image.Image, content: bytes) -> tuple[Image.Image, int]:
    """Return a colour 16-bit picture (RGB or RGBA) stretched to 8 bits, and the used bits.

    Pillow reads the high byte of each sample. It suffices unless all colours are below a quarter of the
    range; then the low bytes are read too.
    """
    image.info.pop("transparency", None)  # one 16-bit colour, which has no equal among the high bytes
    high: Bytes = np.asarray(image)
    used_high = _used_bits(high)
    if max(used_high[:3]) >= _HIGH_BYTE_OF_FULL_RANGE:
        return image, FULL_RANGE
    low: Bytes = np.asarray(_read_low_bytes(content))
    used = [upper << 8 | lower for upper, lower in zip(used_high, _used_bits(low), strict=True)]
    bit_depth, upper_end = find_bit_depth(used[0] | used[1] | used[2])
    stretched = _upper_eight(high, low, upper_end)
    if len(used) > 3:
        _, end_of_alpha = find_bit_depth(used[3])
        if end_of_alpha != upper_end:
            stretched[..., 3] = _upper_eight(high[..., 3], low[..., 3], end_of_alpha)
    return Image.fromarray(stretched), bit_depth


def _used_bits(pixels: Bytes) -> list[int]:
    """Return each band's bits that any pixel (height × width × bands) has; whole rows are fast to combine."""
    columns = np.bitwise_or.reduce(pixels, axis=0)
    return [int(bits) for bits in np.bitwise_or.reduce(columns, axis=0)]


def _upper_eight(high: Bytes, low: Bytes, upper_end: int) -> Bytes:
    stretched: Bytes = high << np.uint8(FULL_RANGE - upper_end)
    stretched |= low >> np.uint8(upper_end - 8)
    return stretched


def _read_low_bytes(content: bytes) -> Image.Image:
    """Decode the low byte of each sample, as RGB or RGBA.

    Pillow has no such mode for grey with alpha. Its four bytes a pixel are decoded as if they were four
    samples of eight bits, which have the same filters.
    """
    if content[_BIT_DEPTH_OFFSET + 1] == _GREY_WITH_ALPHA:
        header = bytearray(content[_HEADER])
        header[-5:-3] = 8, 6
        checksum = struct.pack(">I", zlib.crc32(header))
        start, rest = content[: _HEADER.start], content[_HEADER.stop + len(checksum) :]
        with Image.open(io.BytesIO(b"".join((start, header, checksum, rest))), formats=("PNG",)) as image:
            _, low, _, low_alpha = image.split()
            return Image.merge("RGBA", (low, low, low, low_alpha))
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        image.tile = [tile._replace(args=f"{image.mode};16L") for tile in image.tile]
        image.load()
        return image
