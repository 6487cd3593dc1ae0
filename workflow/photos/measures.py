"""The measures of a photo: its light, focus, colour and shape in numbers."""

import struct
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoMeasures:
    """The measures of one photo as the decoder of version `decoder_version` sees it.

    `brightness` is the mean grey value and `contrast` its standard deviation, both from 0 to 255.
    `black_share` and `white_share` are the shares (0 to 1) of pixels below 5 and above 250. `sharpness` is
    the natural logarithm of the mean absolute Laplacian, and `colour_cast` is in grey values. `bit_depth` is
    the number of bits in use. `frame_hash` is the SHA-256 of the decoded centre in hexadecimal digits.
    `descriptor` describes shape and texture by about 100 numbers; it is empty in a row, because it is stored
    apart from it.
    """

    decoder_version: int
    brightness: float
    contrast: float
    black_share: float
    white_share: float
    sharpness: float
    colour_cast: float
    bit_depth: int
    frame_hash: str
    descriptor: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class UnmeasurablePhoto:
    """A photo whose pixels could not be decoded, and the reason in one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class PhotoMeter:
    """The decoder's version, and the function that measures a photo's bytes with it."""

    decoder_version: int
    measure: Callable[[bytes], PhotoMeasures | UnmeasurablePhoto]


def pack_descriptor(descriptor: tuple[float, ...]) -> bytes:
    """Convert a descriptor to its stored form: 4 bytes a number, little-endian IEEE 754."""
    return struct.pack(f"<{len(descriptor)}f", *descriptor)


def unpack_descriptor(content: bytes) -> tuple[float, ...]:
    """Convert the stored form of a descriptor to its numbers."""
    return struct.unpack(f"<{len(content) // 4}f", content)
