"""Sixteen-bit PNG files: find how many bits the camera used, and stretch them to eight.

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
_WHITE = 255
_BIT_DEPTH_OFFSET = 24
_GREY_WITH_ALPHA = 4
_HEADER = slice(12, 29)  # type and content of the first chunk, with its checksum after them

Values = NDArray[np.uint16]


def has_sixteen_bits(content: bytes) -> bool:
    """Return True if a file is a PNG with 16 bits a sample."""
    return content.startswith(SIGNATURE) and content[_BIT_DEPTH_OFFSET : _BIT_DEPTH_OFFSET + 1] == b"\x10"


def find_bit_depth(values: Values) -> tuple[int, bool]:
    """Return the used bits (10, 12, 14 or 16) of 16-bit values, and whether they are left-aligned.

    A photo that is so dark that it needs fewer bits than its camera has is read with fewer bits.
    """
    used = int(np.bitwise_or.reduce(values, axis=None))
    if used == 0:
        return FULL_RANGE, False
    zeros = (used & -used).bit_length() - 1
    bits, left_aligned = (FULL_RANGE - zeros, True) if zeros >= 2 else (used.bit_length(), False)
    return next(depth for depth in BIT_DEPTHS if depth >= bits), left_aligned


def stretch(values: Values, bit_depth: int, left_aligned: bool) -> Image.Image:
    """Scale 16-bit values (height × width) to an 8-bit grey picture."""
    largest = 2 ** (FULL_RANGE if left_aligned else bit_depth) - 1
    table = np.minimum(np.arange(2**FULL_RANGE, dtype=np.uint32) * _WHITE // largest, _WHITE)
    return Image.fromarray(table.astype(np.uint8)[values])


def stretch_grey(image: Image.Image) -> tuple[Image.Image, int]:
    """Return a grey 16-bit picture in 8 bits, with its transparent value made white, and the used bits."""
    values = np.asarray(image).astype(np.uint16)
    bit_depth, left_aligned = find_bit_depth(values)
    picture = stretch(values, bit_depth, left_aligned)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        picture.paste(_WHITE, mask=Image.fromarray(values == transparent))
    return picture, bit_depth


def stretch_colours(image: Image.Image, content: bytes) -> tuple[Image.Image, int]:
    """Return a colour 16-bit picture (RGB or RGBA) stretched to 8 bits, and the used bits.

    Pillow reads the high byte of each sample. It suffices unless all colours are below a quarter of the
    range; then the low bytes are read too.
    """
    image.info.pop("transparency", None)  # one 16-bit colour, which has no equal among the high bytes
    colours = image.getbands()[:3]
    high_bytes = max(int(extremes[1]) for extremes in image.getextrema()[: len(colours)])  # type: ignore[index]
    if high_bytes >= _HIGH_BYTE_OF_FULL_RANGE:
        return image, FULL_RANGE
    low_bytes = _read_low_bytes(content)

    def values(band: str) -> Values:
        high, low = (np.asarray(part.getchannel(band)) for part in (image, low_bytes))
        combined: Values = high.astype(np.uint16) << 8 | low
        return combined

    used = np.zeros(image.size[::-1], np.uint16)
    for band in colours:
        used |= values(band)
    depth = find_bit_depth(used)
    bands = [stretch(values(band), *depth) for band in colours]
    if "A" in image.getbands():
        alpha = values("A")
        bands.append(stretch(alpha, *find_bit_depth(alpha)))
    return Image.merge(image.mode, bands), depth[0]


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
