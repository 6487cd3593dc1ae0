"""The check of a PNG's chunks."""

import io
import struct
import zlib
from itertools import product

import pytest
from PIL import Image

from tests import crafted
from tests.crafted import PNG_SIGNATURE, chunk, png_header
from workflow.photos import png
from workflow.photos.png_header import InflateCounter
from workflow.photos.validation_result import Frame, Rejection, RejectionReason

SHAPES = (
    [(0, d) for d in (1, 2, 4, 8, 16)]
    + [(3, d) for d in (1, 2, 4, 8)]
    + [(c, d) for c in (2, 4, 6) for d in (8, 16)]
)
SIGNED, HEADER, PIXELS, END = crafted.png_chunks()


def _walked(*parts: bytes) -> RejectionReason | None:
    answer = png.check_structure(b"".join(parts))
    return answer.code if isinstance(answer, Rejection) else None


@pytest.mark.parametrize(("kind", "interlace"), list(product(SHAPES, (0, 1))))
def test_every_legal_layout_is_measured_exactly(kind: tuple[int, int], interlace: int) -> None:
    colour, depth = kind
    for width, height in ((64, 64), (65, 67), (71, 70)):
        content = crafted.png(width, height, depth, colour, interlace)
        assert png.check_structure(content) == Frame(width, height)
        with Image.open(io.BytesIO(content)) as image:
            image.load()


@pytest.mark.parametrize("kind", sorted(set(product(range(8), (0, 1, 2, 3, 4, 8, 16, 32))) - set(SHAPES)))
def test_every_other_colour_and_depth_is_corrupt(kind: tuple[int, int]) -> None:
    colour, depth = kind
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, depth, colour, 0, 0, 0))

    assert _walked(SIGNED, header, PIXELS, END) is RejectionReason.CORRUPT


@pytest.mark.parametrize("tail", [(1, 0, 0), (0, 1, 0), (0, 0, 2)])
def test_unknown_methods_are_corrupt(tail: tuple[int, int, int]) -> None:
    assert (
        _walked(SIGNED, chunk(b"IHDR", struct.pack(">IIBB3B", 64, 64, 8, 0, *tail)), PIXELS, END)
        is RejectionReason.CORRUPT
    )


def test_one_byte_more_or_less_is_corrupt() -> None:
    exact = crafted.raw_size(64, 64)
    for size, code in (
        (exact - 1, RejectionReason.CORRUPT),
        (exact, None),
        (exact + 1, RejectionReason.CORRUPT),
    ):
        assert _walked(SIGNED, HEADER, chunk(b"IDAT", zlib.compress(bytes(size))), END) is code


def test_data_may_come_in_pieces_even_empty_ones() -> None:
    data = zlib.compress(bytes(crafted.raw_size(64, 64)))
    pieces = [chunk(b"IDAT", data[at : at + 1]) + chunk(b"IDAT") for at in range(len(data))]

    assert _walked(SIGNED, HEADER, *pieces, END) is None


def test_data_without_its_end_is_corrupt() -> None:
    data = zlib.compress(bytes(crafted.raw_size(64, 64)))

    assert _walked(SIGNED, HEADER, chunk(b"IDAT", data[:-1]), END) is RejectionReason.CORRUPT


def test_bytes_after_the_compressed_stream_are_ignored_as_decoders_do() -> None:
    data = zlib.compress(bytes(crafted.raw_size(64, 64)))

    assert (
        _walked(SIGNED, HEADER, chunk(b"IDAT", data + b"more" * 9999), chunk(b"IDAT", b"more"), END) is None
    )


def test_data_interrupted_by_another_chunk_is_corrupt() -> None:
    data = zlib.compress(bytes(crafted.raw_size(64, 64)))
    first, second = chunk(b"IDAT", data[:9]), chunk(b"IDAT", data[9:])

    assert _walked(SIGNED, HEADER, first, chunk(b"tEXt", b"a\0b"), second, END) is RejectionReason.CORRUPT


@pytest.mark.parametrize("length", [0, 1, 4, 771])
def test_an_impossible_palette_is_corrupt(length: int) -> None:
    assert _walked(crafted.png(before_pixels=chunk(b"PLTE", bytes(length)))) is RejectionReason.CORRUPT


@pytest.mark.parametrize("name", [b"IHDR", b"te t", b"\0\0\0\0", b"12ab", b"\xe4\xe4\xe4\xe4"])
def test_a_chunk_that_cannot_stand_there_is_corrupt(name: bytes) -> None:
    assert _walked(crafted.png(before_pixels=chunk(name, bytes(13)))) is RejectionReason.CORRUPT


def test_an_unknown_chunk_is_skipped_unless_it_is_critical() -> None:
    assert _walked(crafted.png(before_pixels=chunk(b"abCd", b"?"))) is None
    assert _walked(crafted.png(before_pixels=chunk(b"ABCD", b"?"))) is RejectionReason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("place", ["before_pixels", "after_pixels"])
def test_an_animation_is_refused_wherever_it_is_announced(place: str) -> None:
    assert _walked(crafted.png(**{place: chunk(b"acTL", bytes(8))})) is RejectionReason.ANIMATED


@pytest.mark.parametrize("place", ["before_pixels", "after_pixels"])
def test_the_orientation_is_read_wherever_it_stands(place: str) -> None:
    assert png.check_structure(crafted.png(**{place: chunk(b"eXIf", crafted.exif(6, ">"))})) == Frame(
        64, 64, 6
    )


def test_the_header_must_come_first_with_its_length() -> None:
    assert _walked(SIGNED, PIXELS, HEADER, END) is RejectionReason.CORRUPT
    assert _walked(SIGNED, chunk(b"IHDR", bytes(12)), PIXELS, END) is RejectionReason.CORRUPT


def test_the_checksum_is_asked_before_the_header_is_believed() -> None:
    wrong = bytearray(png_header(20_000, 20_000))
    wrong[-1] ^= 1

    assert _walked(PNG_SIGNATURE, bytes(wrong), PIXELS, END) is RejectionReason.CORRUPT


class CountingStream:
    """zlib's decompressor, which counts the bytes that it returns."""

    def __init__(self) -> None:
        self.handed_out = 0
        self._stream = zlib.decompressobj()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def decompress(self, data: bytes, limit: int) -> bytes:
        inflated = self._stream.decompress(data, limit)
        self.handed_out += len(inflated)
        return inflated


def test_a_bomb_is_left_as_soon_as_it_exceeds_its_header() -> None:
    stream = CountingStream()
    gigabyte = memoryview(crafted.deflated_zeros(1 << 30))

    refused = InflateCounter(crafted.raw_size(64, 64), _stream=stream).feed(gigabyte)

    assert refused is not None
    assert refused.code is RejectionReason.CORRUPT
    assert stream.handed_out <= 64 * 1024
