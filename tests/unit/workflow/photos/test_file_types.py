"""Rejections name the type of a file that is neither PNG nor JPEG."""

import pytest

from workflow.photos.validation import validate
from workflow.photos.validation_result import Rejection, RejectionReason


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"GIF87a" + bytes(20), "a GIF"),
        (b"GIF89a" + bytes(20), "a GIF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP"),
        (b"BM\x10\x20\0\0\0\0\0\0\x36\0", "a BMP"),
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"II+\0\x08\0\0\0", "a TIFF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw file"),
        (b"\0\0\0\x18ftypheix\0\0\0\0", "a HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIF"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF"),
        (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000"),
        (b"\xff\x0a\0\0", "a JPEG XL"),
        (b"\0\0\1\0\1\0\x10\x10", "ICO"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"P5\n640 480\n255\n", "a Netpbm image"),
        (b"\xef\xbb\xbf\n<!-- drawn -->\n<SVG width='1'>", "an SVG drawing"),
    ],
)
def test_another_kind_of_image_is_unsupported(content: bytes, what: str) -> None:
    _is_refused(content, RejectionReason.UNSUPPORTED_FORMAT, what)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.4\n", "a PDF"),
        (b"PK\3\4\x14\0", "a ZIP archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"Rar!\x1a\7\1\0", "a RAR archive"),
        (b"\0\0\0\x20ftypqt  ", "a video"),
        (b"RIFF\x10\0\0\0AVI LIST", "a video or a sound"),
        (b"\x7fELF\2\1", "a program"),
        (b" <html><svg></svg></html>", "an HTML page"),
        (b"<!DOCTYPE HTML>", "an HTML page"),
        (b"<Error><Code>NoSuchKey</Code></Error>", "XML"),
        (b"BMW part 7", "text"),
        (b"P5 is the part", "text"),
        ("ok ü ✓".encode(), "text"),
        (("a" * 4095 + "ü").encode(), "text"),
        ("Teil".encode("utf-16"), "text"),
        (b"\0", "zero bytes"),
        (b"\x89", "has an unknown type"),
        (b"text\x07", "has an unknown type"),
        (b"\xff\xd8\0\0", "has an unknown type"),
    ],
)
def test_what_is_no_image_is_named(content: bytes, what: str) -> None:
    _is_refused(content, RejectionReason.NOT_AN_IMAGE, what)


def _is_refused(content: bytes, code: RejectionReason, what: str) -> None:
    refused = validate(content)

    assert isinstance(refused, Rejection)
    assert refused.code is code
    assert what in refused.detail
