"""The name of what was uploaded instead of a PNG or a JPEG."""

import codecs
import re

from workflow.photos.photo import Reason, Rejection

_HEAD = 4096


def _compiled(*marks: tuple[bytes, str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(mark, re.DOTALL), what) for mark, what in marks)


_IMAGES = _compiled(
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
)
_OTHERS = _compiled(
    (rb"%PDF-", "a PDF"),
    (rb"PK(?:\x03\x04|\x05\x06)", "a ZIP archive or an office document"),
    (rb"\x1f\x8b", "a gzip archive"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb".{4}ftyp|\x1a\x45\xdf\xa3", "a video"),
    (rb"RIFF.{4}(?:AVI |WAVE)", "a video or a sound"),
    (rb"MZ.\0|\x7fELF", "a program"),
)


def refuse(content: bytes) -> Rejection:
    """Name the file by its first bytes; the file's name is never asked."""
    head = content[:_HEAD]
    for mark, what in _IMAGES:
        if mark.match(head):
            return _another_image(what)
    if not head.strip(b"\0"):
        return _no_image("begins with nothing but zero bytes, as an interrupted copy does")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith(b"<"):
        return _markup(text)
    for mark, what in _OTHERS:
        if mark.match(head):
            return _no_image(f"is {what}")
    if _is_text(head):
        return _no_image("is text")
    return _no_image("is of no kind that we know")


def _markup(text: bytes) -> Rejection:
    root = re.search(rb"<(?:(svg)|html|!doctype html)", text)
    if root is None:
        return _no_image("is XML or other markup")
    if root[1]:
        return _another_image("an SVG drawing")
    return _no_image("is an HTML page")


def _is_text(head: bytes) -> bool:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        # Not final: the head may end within a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter.isspace() for letter in text)


def _another_image(what: str) -> Rejection:
    return Rejection(
        Reason.UNSUPPORTED_FORMAT,
        f"The file is {what}, whatever its name says, and only PNG and JPEG are accepted: "
        "save the photo as one of them.",
    )


def _no_image(what: str) -> Rejection:
    return Rejection(Reason.NOT_AN_IMAGE, f"The file {what}: upload a photo instead, as a PNG or a JPEG.")
