"""PNG and JPEG files built byte by byte, so that a test can break any one of them."""

import random
import struct
import zlib
from collections.abc import Iterable

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_RUN = 1024 * 1024


def deflated_zeros(count: int) -> bytes:
    """A zlib stream of zero bytes, made quickly: one run is compressed, then repeated."""
    packer = zlib.compressobj(9, wbits=-15)
    run = packer.compress(bytes(_RUN)) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, wbits=-15)
    rest = packer.compress(bytes(count % _RUN)) + packer.flush()
    adler = (count % 65521) << 16 | 1
    return b"\x78\xda" + run * (count // _RUN) + rest + adler.to_bytes(4, "big")


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """One PNG chunk with the right checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int, depth: int = 8, colour: int = GREY, interlace: int = 0) -> bytes:
    """The IHDR chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def raw_size(width: int, height: int, depth: int = 8, colour: int = GREY, interlace: int = 0) -> int:
    """The bytes of a black picture before compression, counted pixel row by pixel row."""
    total = 0
    for x, y, right, down in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = len(range(x, width, right)), len(range(y, height, down))
        if columns:
            total += rows * (1 + (columns * depth * _CHANNELS[colour] + 7) // 8)
    return total


def png_chunks(
    width: int = 64, height: int = 64, depth: int = 8, colour: int = GREY, interlace: int = 0
) -> list[bytes]:
    """A black picture: the signature, then the chunks."""
    shape = (width, height, depth, colour, interlace)
    palette = [chunk(b"PLTE", bytes(3))] if colour == PALETTE else []
    pixels = chunk(b"IDAT", deflated_zeros(raw_size(*shape)))
    return [PNG_SIGNATURE, png_header(*shape), *palette, pixels, chunk(b"IEND")]


def png(*shape: int, before_pixels: bytes = b"", after_pixels: bytes = b"") -> bytes:
    """A black picture, with room for further chunks."""
    *head, pixels, end = png_chunks(*shape)
    return b"".join((*head, before_pixels, pixels, after_pixels, end))


def png_of_rows(rows: Iterable[bytes], *shape: int, before_pixels: bytes = b"") -> bytes:
    """A PNG of this width, height, depth and colour type; each row holds the samples without a filter."""
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    return b"".join((PNG_SIGNATURE, png_header(*shape), before_pixels, chunk(b"IDAT", data), chunk(b"IEND")))


def noisy_png(text: str, width: int = 64, height: int = 64) -> bytes:
    """A grey picture with noise of its own for each text, as a sensor gives it to each photo."""
    noise = random.Random(text)  # noqa: S311
    return png_of_rows((noise.randbytes(width) for _ in range(height)), width, height)


def segment(marker: int, body: bytes) -> bytes:
    """One JPEG segment with the right length."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(
    width: int, height: int, marker: int = 0xC0, bits: int = 8, components: Iterable[int] = (0x11,)
) -> bytes:
    """A JPEG frame header; `components` holds sampling factors."""
    listed = b"".join(struct.pack("BBB", number, factors, 0) for number, factors in enumerate(components, 1))
    return segment(marker, struct.pack(">BHHB", bits, height, width, len(listed) // 3) + listed)


def scan(components: Iterable[int] = (1,), first: int = 0, last: int = 63, approximation: int = 0) -> bytes:
    """A JPEG scan header."""
    listed = b"".join(struct.pack("BB", number, 0) for number in components)
    return segment(0xDA, struct.pack("B", len(listed) // 2) + listed + bytes((first, last, approximation)))


def tables() -> bytes:
    """Quantise by one; in the Huffman tables a zero bit says `as before` (DC) or `end of block` (AC)."""
    huffman = bytes((1, *[0] * 15, 0))
    return (
        segment(0xDB, bytes((0, *[1] * 64)))
        + segment(0xC4, b"\0" + huffman)
        + segment(0xC4, b"\x10" + huffman)
    )


def blocks(width: int, height: int) -> int:
    """8 × 8 blocks of a grey picture."""
    return -(-width // 8) * -(-height // 8)


def jpeg_segments(width: int = 64, height: int = 64) -> list[bytes]:
    """The smallest grey baseline JPEG there can be: two zero bits a block."""
    data = bytes(-(-blocks(width, height) * 2 // 8))
    return [SOI, tables(), frame(width, height), scan(), data, EOI]


def jpeg(width: int = 64, height: int = 64, after_start: bytes = b"") -> bytes:
    """A grey JPEG, with room for further segments."""
    start, *rest = jpeg_segments(width, height)
    return b"".join((start, after_start, *rest))


def progressive_bomb(width: int, height: int) -> bytes:
    """One zero bit a block is a whole progressive picture, at an eighth of a byte for 64 pixels."""
    data = bytes(-(-blocks(width, height) // 8))
    return b"".join((SOI, tables(), frame(width, height, 0xC2), scan(last=0), data, EOI))


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF block whose only entry is the orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def stored(raw: bytes) -> bytes:
    """A zlib stream that does not compress."""
    return zlib.compress(raw, 0)
