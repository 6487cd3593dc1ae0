"""File types other than PNG and JPEG, recognised by signature, and their rejections."""

import codecs
import re
from collections.abc import Iterable

from workflow.photos.validation_result import Rejection, RejectionReason

_HEAD = 4096


def _compile(signatures: Iterable[tuple[bytes, str]]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(signature, re.DOTALL), name) for signature, name in signatures)


_IMAGES = _compile(
    [
        (rb"GIF8[79]a", "a GIF"),
        (rb"RIFF.{4}WEBP", "a WebP"),
        (rb"BM.{4}\0{4}", "a BMP"),
        (rb"II[*+]\0|MM\0[*+]", "a TIFF or a camera's raw file"),
        (rb".{4}ftypcrx ", "a camera's raw file"),
        (rb".{4}ftyp(?:hei[cmsx]|hev[cmsx])", "a HEIC"),
        (rb".{4}ftyp(?:mif1|msf1)", "a HEIF"),
        (rb".{4}ftypavi[fs]", "an AVIF"),
        (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "a JPEG 2000"),
        (rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a", "a JPEG XL"),
        (rb"\0\0\x01\0", "an icon (ICO)"),
        (rb"8BPS", "a Photoshop document"),
        (rb"\x8aMNG\r\n", "an MNG"),
        (rb"P[1-6]\s+[#\d]|P7\nWIDTH", "a Netpbm image"),
    ]
)
_OTHERS = _compile(
    [
        (rb"%PDF-", "a PDF"),
        (rb"PK(?:\x03\x04|\x05\x06)", "a ZIP archive or an office document"),
        (rb"\x1f\x8b", "a gzip archive"),
        (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (rb"Rar!\x1a\x07", "a RAR archive"),
        (rb".{4}ftyp|\x1a\x45\xdf\xa3", "a video"),
        (rb"RIFF.{4}(?:AVI |WAVE)", "a video or a sound"),
        (rb"MZ.\0|\x7fELF", "a program"),
    ]
)


def reject_other_type(content: bytes) -> Rejection:
    """Reject a file that is neither PNG nor JPEG, and name its type by its first bytes."""
    head = content[:_HEAD]
    for signature, name in _IMAGES:
        if signature.match(head):
            return _reject_image(name)
    if not head.strip(b"\0"):
        return _reject_other("begins with zero bytes only, as an interrupted copy does")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith(b"<"):
        return _reject_markup(text)
    for signature, name in _OTHERS:
        if signature.match(head):
            return _reject_other(f"is {name}")
    if _is_text(head):
        return _reject_other("is text")
    return _reject_other("has an unknown type")


def _reject_markup(text: bytes) -> Rejection:
    root = re.search(rb"<(?:(svg)|html|!doctype html)", text)
    if root is None:
        return _reject_other("is XML or other markup")
    if root[1]:
        return _reject_image("an SVG drawing")
    return _reject_other("is an HTML page")


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        # Not final: the head may end within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def _reject_image(name: str) -> Rejection:
    return Rejection(
        RejectionReason.UNSUPPORTED_FORMAT,
        f"The file is {name}, even if its name says otherwise, and only PNG and JPEG are accepted: "
        "save the photo as one of them.",
    )


def _reject_other(description: str) -> Rejection:
    return Rejection(
        RejectionReason.NOT_AN_IMAGE, f"The file {description}: upload a photo instead, as a PNG or a JPEG."
    )
