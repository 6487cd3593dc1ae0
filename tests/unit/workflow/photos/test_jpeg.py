"""The check of a JPEG's markers."""

import io

import pytest
from PIL import Image

from tests import crafted
from tests.crafted import EOI, SOI, frame, scan, tables
from workflow.photos import jpeg
from workflow.photos.validation_result import Frame, Rejection, RejectionReason


def _code(answer: Frame | Rejection) -> RejectionReason | None:
    return answer.code if isinstance(answer, Rejection) else None


def _walked(*parts: bytes) -> RejectionReason | None:
    return _code(jpeg.check_structure(b"".join(parts)))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 64), (72, 200), (4096, 4096)])
def test_the_least_data_that_can_hold_a_picture_is_accepted_and_a_byte_less_is_not(
    width: int, height: int
) -> None:
    *head, data, end = crafted.jpeg_segments(width, height)

    assert jpeg.check_structure(b"".join((*head, data, end))) == Frame(width, height)
    assert _walked(*head, data[1:], end) is RejectionReason.CORRUPT


def test_the_least_data_is_truly_a_picture() -> None:
    with Image.open(io.BytesIO(crafted.jpeg())) as image:
        image.load()
        assert image.getextrema() == (128, 128)


def test_a_progressive_block_needs_one_bit() -> None:
    head = (SOI, tables(), frame(64, 64, 0xC2))

    assert _walked(*head, scan(last=0), bytes(8), EOI) is None
    assert _walked(*head, scan(last=0), bytes(7), EOI) is RejectionReason.CORRUPT


def test_the_later_scans_of_a_progressive_picture_may_be_short() -> None:
    head = (SOI, tables(), frame(64, 64, 0xC2), scan(last=0), bytes(8))

    assert _walked(*head, scan(first=1, last=63), b"\0", EOI) is None


def test_a_progressive_picture_needs_a_first_scan_of_every_colour() -> None:
    head = (SOI, tables(), frame(64, 64, 0xC2))

    assert _walked(*head, scan(first=1, last=63), bytes(9), EOI) is RejectionReason.CORRUPT
    assert _walked(*head, scan(last=0, approximation=0x10), bytes(9), EOI) is RejectionReason.CORRUPT


@pytest.mark.parametrize(
    ("first", "last", "approximation"), [(0, 5, 0), (5, 4, 0), (1, 64, 0), (0, 0, 14), (0, 0, 0x31)]
)
def test_an_impossible_progression_is_refused(first: int, last: int, approximation: int) -> None:
    head = (SOI, tables(), frame(64, 64, 0xC2), scan(last=0), bytes(8))

    assert _walked(*head, EOI) is None
    assert _walked(*head, scan((1,), first, last, approximation), bytes(99), EOI) is RejectionReason.CORRUPT


def test_subsampled_colours_count_by_interleaved_units() -> None:
    head = (SOI, tables(), frame(64, 64, components=(0x22, 0x11, 0x11)), scan((1, 2, 3)))

    assert _walked(*head, bytes(4 * 4 * 6 * 2 // 8), EOI) is None
    assert _walked(*head, bytes(4 * 4 * 6 * 2 // 8 - 1), EOI) is RejectionReason.CORRUPT


def test_colours_may_come_one_scan_each() -> None:
    head = (SOI, tables(), frame(64, 64, components=(0x22, 0x11, 0x11)))
    scans = (scan((1,)), bytes(16), scan((2,)), bytes(4), scan((3,)), bytes(4))

    assert _walked(*head, *scans, EOI) is None
    assert _walked(*head, *scans[:-2], EOI) is RejectionReason.CORRUPT


@pytest.mark.parametrize("quiet", [b"\xff\0", b"\xff\xd0", b"\xff\xd7", b"\xff\x01", b"\xff\xff\0"])
def test_stuffed_bytes_and_restarts_do_not_end_a_scan(quiet: bytes) -> None:
    *head, data, end = crafted.jpeg_segments()

    assert _walked(*head, quiet, data, quiet, end) is None


@pytest.mark.parametrize("count", [0, 5, 255])
def test_an_impossible_number_of_colours_is_refused(count: int) -> None:
    assert _walked(SOI, frame(64, 64, components=(0x11,) * count)) is RejectionReason.CORRUPT


@pytest.mark.parametrize("factors", [0x00, 0x01, 0x10, 0x51, 0x15])
def test_impossible_sampling_factors_are_refused(factors: int) -> None:
    assert _walked(SOI, frame(64, 64, components=(factors,))) is RejectionReason.CORRUPT


def test_a_scan_may_not_interleave_more_than_ten_blocks() -> None:
    header = frame(64, 64, components=(0x44, 0x11, 0x11))

    assert _walked(SOI, header, scan((1, 2, 3)), bytes(999), EOI) is RejectionReason.CORRUPT


def test_a_lone_colour_is_not_interleaved_whatever_its_factors() -> None:
    header = frame(64, 64, components=(0x44,))

    assert _walked(SOI, header, scan(), bytes(16), EOI) is None
    assert _walked(SOI, header, scan(), bytes(15), EOI) is RejectionReason.CORRUPT


@pytest.mark.parametrize(
    "header", [scan((2,)), scan(()), crafted.segment(0xDA, b""), crafted.segment(0xDA, b"\1")]
)
def test_a_scan_of_an_unknown_colour_or_length_is_refused(header: bytes) -> None:
    assert _walked(SOI, frame(64, 64), header, bytes(99), EOI) is RejectionReason.CORRUPT


def test_a_scan_before_the_frame_header_is_refused() -> None:
    assert _walked(SOI, tables(), scan(), bytes(99), frame(64, 64), EOI) is RejectionReason.CORRUPT


def test_two_colours_are_unsupported() -> None:
    assert _walked(SOI, frame(64, 64, components=(0x11, 0x11))) is RejectionReason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize(
    "marker", [0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xDE, 0xDF, 0xF7]
)
def test_unusual_encodings_are_unsupported(marker: int) -> None:
    assert _walked(SOI, frame(64, 64, marker)) is RejectionReason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("marker", [0x02, 0xBF, 0xC8, 0xF0, 0xFD, 0xD8])
def test_a_marker_that_cannot_stand_there_is_corrupt(marker: int) -> None:
    assert (
        _walked(SOI, crafted.segment(marker, bytes(4)), *crafted.jpeg_segments()[1:])
        is RejectionReason.CORRUPT
    )


def test_too_many_scans_are_refused_and_many_are_not() -> None:
    head = (SOI, tables(), frame(64, 64))
    one = scan() + bytes(16)

    assert _walked(*head, one * jpeg.MAX_SCANS, EOI) is None
    assert _walked(*head, one * (jpeg.MAX_SCANS + 1), EOI) is RejectionReason.CORRUPT


def test_an_end_marker_inside_a_thumbnail_does_not_end_the_photo() -> None:
    thumbnail = crafted.segment(0xE1, b"Exif\0\0" + crafted.exif(1) + crafted.jpeg())

    assert jpeg.check_structure(crafted.jpeg(96, 80, after_start=thumbnail)) == Frame(96, 80)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("written", "read"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (65535, 1)])
def test_orientation_is_read_in_both_byte_orders(order: str, written: int, read: int) -> None:
    content = crafted.jpeg(after_start=crafted.segment(0xE1, b"Exif\0\0" + crafted.exif(written, order)))

    assert jpeg.check_structure(content) == Frame(64, 64, read)


def test_the_first_exif_block_counts() -> None:
    notes = b"".join(crafted.segment(0xE1, mark + crafted.exif(6)) for mark in (b"http\0\0", b"Exif\0\0"))
    second = crafted.segment(0xE1, b"Exif\0\0" + crafted.exif(3))

    assert jpeg.check_structure(crafted.jpeg(after_start=notes + second)) == Frame(64, 64, 6)


def test_exif_that_promises_more_entries_than_it_holds_is_upright() -> None:
    tiff = bytearray(crafted.exif(6))
    tiff[8:10] = b"\xff\xff"
    tiff[10:12] = b"\0\0"

    assert jpeg.check_structure(crafted.jpeg(after_start=crafted.segment(0xE1, b"Exif\0\0" + tiff))) == Frame(
        64, 64, 1
    )


def test_an_orientation_of_another_type_is_upright() -> None:
    tiff = bytearray(crafted.exif(6))
    tiff[12:14] = b"\2\0"

    assert jpeg.check_structure(crafted.jpeg(after_start=crafted.segment(0xE1, b"Exif\0\0" + tiff))) == Frame(
        64, 64, 1
    )
