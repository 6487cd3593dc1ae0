"""No byte sequence raises, and no truncated or altered file is accepted as a whole one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import crafted, hostile_files
from workflow.photos.validation import validate
from workflow.photos.validation_result import Rejection, RejectionReason, ValidatedPhoto

WHOLE = {
    "jpeg": hostile_files.encode_picture("JPEG"),
    "progressive": hostile_files.encode_picture("JPEG", progressive=True),
    "restarts": hostile_files.encode_picture("JPEG", restart_marker_rows=1),
    "oriented": crafted.jpeg(after_start=crafted.segment(0xE1, b"Exif\0\0" + crafted.exif(6))),
    "png": crafted.png(),
    "palette": crafted.png(64, 64, 8, crafted.PALETTE),
    "interlaced": crafted.png(
        65, 64, 4, crafted.GREY, 1, after_pixels=crafted.chunk(b"eXIf", crafted.exif(3))
    ),
}
MAGIC = (b"\xff\xd8\xff", crafted.SOI + crafted.tables() + crafted.frame(64, 64), crafted.PNG_SIGNATURE)


def _check(content: bytes) -> None:
    answer = validate(content)

    assert isinstance(answer, ValidatedPhoto | Rejection)
    if isinstance(answer, Rejection):
        assert answer.detail.isprintable()
        return
    assert 64 <= min(answer.width, answer.height) <= max(answer.width, answer.height) <= 4096
    assert 1 <= answer.orientation <= 8


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from((b"", *MAGIC)), rest=st.binary(max_size=500))
def test_arbitrary_bytes_never_raise(start: bytes, rest: bytes) -> None:
    _check(start + rest)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(WHOLE)))
def test_mutated_photos_never_raise(data: st.DataObject, name: str) -> None:
    content = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.integers(0, 8))
        content[at : at + removed] = data.draw(st.binary(max_size=8))
    _check(bytes(content))


@settings(max_examples=200, deadline=None)
@given(
    marker=st.sampled_from((*range(0xC0, 0xD0), *range(0xD8, 0xE3), 0xF7, 0xFE)),
    body=st.binary(max_size=40),
    place=st.integers(1, 5),
)
def test_any_segment_anywhere_never_raises(marker: int, body: bytes, place: int) -> None:
    parts = crafted.jpeg_segments()
    _check(b"".join((*parts[:place], crafted.segment(marker, body), *parts[place:])))


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(
        (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"eXIf", b"tEXt", b"ABCD", b"\0\0\0\0")
    ),
    data=st.binary(max_size=40),
    place=st.integers(1, 4),
)
def test_any_chunk_anywhere_never_raises(name: bytes, data: bytes, place: int) -> None:
    parts = crafted.png_chunks()
    _check(b"".join((*parts[:place], crafted.chunk(name, data), *parts[place:])))


@settings(max_examples=200, deadline=None)
@given(tail=st.binary(max_size=60), order=st.sampled_from((b"II*\0", b"MM\0*", b"")))
def test_arbitrary_exif_is_never_a_reason_to_refuse(tail: bytes, order: bytes) -> None:
    photo = validate(crafted.jpeg(after_start=crafted.segment(0xE1, b"Exif\0\0" + order + tail)))

    assert isinstance(photo, ValidatedPhoto)
    assert 1 <= photo.orientation <= 8


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_photo_cut_anywhere_is_truncated(name: str) -> None:
    content = WHOLE[name]
    answers = [validate(content[:length]) for length in range(len(content))]

    codes = [answer.code for answer in answers if isinstance(answer, Rejection)]
    assert codes[:2] == [RejectionReason.EMPTY, RejectionReason.NOT_AN_IMAGE]
    assert codes[2:] == [RejectionReason.TRUNCATED] * (len(content) - 2)


@pytest.mark.parametrize("name", ["png", "palette", "interlaced"])
def test_a_png_with_any_bit_flipped_is_refused(name: str) -> None:
    content = bytearray(WHOLE[name])
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        assert isinstance(validate(bytes(content)), Rejection), f"bit {bit}"
        content[bit // 8] ^= 1 << bit % 8
