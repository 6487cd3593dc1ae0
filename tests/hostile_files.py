"""Hostile and unusual files, each with the documented result of its validation."""

import io
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from PIL import Image

from tests import crafted
from workflow.photos.validation_result import MAX_BYTES, RejectionReason

DOCUMENT = Path(__file__).parent.parent / "docs" / "accepted-photos.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file to upload: its name, a description of its content, and its result."""

    name: str
    about: str
    answer: str
    make: Callable[[], bytes]


@cache
def picture(mode: str = "RGB", width: int = 96, height: int = 80) -> Image.Image:
    """Return a deterministic picture of noise on a gradient."""
    grain = random.Random(7).randbytes(width * height * 3)  # noqa: S311 (a picture, not a secret)
    noise = Image.frombytes("RGB", (width, height), grain)
    slope = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    return Image.blend(slope, noise, 0.2).convert(mode)


def encode_picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Encode the picture with Pillow."""
    sink = io.BytesIO()
    picture(mode).save(sink, kind, **options)
    return sink.getvalue()


def _grown(content: bytes, size: int) -> bytes:
    """Grow a PNG to exactly `size` bytes by a private chunk before the end chunk."""
    end = crafted.chunk(b"IEND")
    room = size - len(content) - len(crafted.chunk(b"paDd"))
    return content.removesuffix(end) + crafted.chunk(b"paDd", bytes(room)) + end


def _segments(marker: int, mark: bytes, total: int) -> bytes:
    """Build full segments of one kind with `total` bytes."""
    one = crafted.segment(marker, mark.ljust(65_533, b"x"))
    return one * (total // len(one))


def _jpeg_icc(total: int) -> bytes:
    """Build a colour profile in the largest number of pieces that the numbering allows."""
    pieces = total // 65_000
    body = bytes(65_000)
    return b"".join(
        crafted.segment(0xE2, b"ICC_PROFILE\0" + bytes((number, pieces)) + body)
        for number in range(1, pieces + 1)
    )


def _patched(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace `old`, which must exist, by `new`."""
    if old not in content:
        raise ValueError(f"{old!r} is not in the file")
    return content.replace(old, new, 1)


def _without_huffman_tables() -> bytes:
    """Build a frame of a Motion JPEG stream, which omits the standard's example tables."""
    content, at = encode_picture("JPEG", quality=75), 2
    while content[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if content[at + 1] == 0xC4:
            content, end = content[:at] + content[end:], at
        at = end
    return content


def _animated_png() -> bytes:
    return encode_picture("PNG", save_all=True, append_images=[picture().rotate(90)])


def _oriented(kind: str, value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return encode_picture(kind, exif=exif)


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("photo.txt", "no photo")
    return sink.getvalue()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
VIDEO = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(64)


def _not_photos() -> Iterator[HostileFile]:
    another, none = RejectionReason.UNSUPPORTED_FORMAT, RejectionReason.NOT_AN_IMAGE
    yield HostileFile("empty.jpg", "no bytes at all", RejectionReason.EMPTY, bytes)
    yield HostileFile("one-byte.jpg", "one byte, 0xFF", none, lambda: b"\xff")
    yield HostileFile("zeros.jpg", "nothing but zero bytes", none, lambda: bytes(4096))
    yield HostileFile("noise.jpg", "random bytes", none, lambda: b"\xa5" + random.Random(1).randbytes(4096))  # noqa: S311
    yield HostileFile("text.jpg", "text", none, lambda: "Prüfteil 4711, gut\n".encode())
    yield HostileFile("page.jpg", "an HTML page", none, lambda: HTML)
    yield HostileFile(
        "error.jpg", "a storage service's XML error message", none, lambda: b"<?xml?><Error></Error>"
    )
    yield HostileFile("document.jpg", "a PDF", none, lambda: PDF)
    yield HostileFile("archive.jpg", "a ZIP archive", none, _zip)
    yield HostileFile("video.jpg", "an MP4 video", none, lambda: VIDEO)
    yield HostileFile("drawing.png", "an SVG with a script", another, lambda: SVG)
    yield HostileFile("gif.jpg", "a GIF", another, lambda: encode_picture("GIF"))
    yield HostileFile("webp.jpg", "a WebP", another, lambda: encode_picture("WEBP"))
    yield HostileFile("tiff.jpg", "a TIFF", another, lambda: encode_picture("TIFF"))
    yield HostileFile("bmp.jpg", "a BMP", another, lambda: encode_picture("BMP"))
    yield HostileFile("heic.jpg", "a phone's HEIC", another, lambda: HEIC)
    yield HostileFile("avif.jpg", "an AVIF", another, lambda: _patched(HEIC, b"ftypheic", b"ftypavif"))
    yield HostileFile("jpeg2000.jpg", "a JPEG 2000", another, lambda: encode_picture("JPEG2000"))
    yield HostileFile("jpegxl.jpg", "a JPEG XL", another, lambda: b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(64))
    yield HostileFile(
        "portable.jpg",
        "a Netpbm image, as machine-vision tools write",
        another,
        lambda: encode_picture("PPM"),
    )


def _cut() -> Iterator[HostileFile]:
    """Yield both formats, truncated within each of their parts."""
    jpeg = ("start marker", "tables", "frame header", "scan header", "scan data", "end marker")
    png = ("signature", "header chunk", "palette chunk", "data chunk", "end chunk")
    for kind, parts, files in (
        ("jpg", jpeg, partial(crafted.jpeg_segments, 96, 80)),
        ("png", png, partial(crafted.png_chunks, 96, 80, 8, crafted.PALETTE)),
    ):
        for number, part in enumerate(parts):
            yield HostileFile(
                f"cut-at-{part.replace(' ', '-')}.{kind}",
                f"the transfer stopped within the {part}",
                RejectionReason.NOT_AN_IMAGE if part == "start marker" else RejectionReason.TRUNCATED,
                partial(_cut_within, files, number),
            )
    yield HostileFile(
        "cut-in-half.jpg",
        "half of a camera's JPEG",
        RejectionReason.TRUNCATED,
        lambda: _half(encode_picture("JPEG")),
    )
    yield HostileFile(
        "cut-in-half-progressive.jpg",
        "half of a progressive JPEG",
        RejectionReason.TRUNCATED,
        lambda: _half(encode_picture("JPEG", progressive=True)),
    )
    yield HostileFile(
        "half-zeros.jpg",
        "half of a JPEG, filled up with zero bytes",
        RejectionReason.TRUNCATED,
        lambda: _half(encode_picture("JPEG")).ljust(len(encode_picture("JPEG")), b"\0"),
    )
    yield HostileFile(
        "cut-in-half.png", "half of a PNG", RejectionReason.TRUNCATED, lambda: _half(encode_picture("PNG"))
    )


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _cut_within(files: Callable[[], list[bytes]], number: int) -> bytes:
    parts = files()
    return b"".join(parts[:number]) + _half(parts[number])


def _damaged() -> Iterator[HostileFile]:
    bad, zero = RejectionReason.CORRUPT, crafted.deflated_zeros
    grey = partial(crafted.png, 96, 80)
    size = crafted.raw_size(96, 80)

    def with_data(data: bytes) -> bytes:
        head = crafted.PNG_SIGNATURE + crafted.png_header(96, 80)
        return head + crafted.chunk(b"IDAT", data) + crafted.chunk(b"IEND")

    yield HostileFile(
        "bad-crc.png", "a chunk's checksum is wrong", bad, lambda: _patched(grey(), b"IDAT\x78", b"IDAT\x68")
    )
    yield HostileFile(
        "text-mode.png", "line ends changed by a transfer", bad, lambda: grey().replace(b"\r\n", b"\n")
    )
    yield HostileFile(
        "bad-data.png", "data that cannot be inflated", bad, lambda: with_data(b"\x78\xda" + b"\xff" * 99)
    )
    yield HostileFile(
        "bad-adler.png", "the data's own checksum is wrong", bad, lambda: with_data(zero(size)[:-1] + b"\xee")
    )
    yield HostileFile(
        "tall-lie.png", "a header taller than its data", bad, lambda: with_data(zero(size - 97))
    )
    yield HostileFile(
        "short-lie.png", "a header flatter than its data", bad, lambda: with_data(zero(size + 97))
    )
    yield HostileFile(
        "four-gigabytes.png", "4 GB of zeros behind a 96 × 80 header", bad, lambda: with_data(zero(4 << 30))
    )
    yield HostileFile(
        "no-palette.png",
        "a palette picture without its palette",
        bad,
        lambda: b"".join(
            part for part in crafted.png_chunks(96, 80, 8, crafted.PALETTE) if b"PLTE" not in part
        ),
    )
    yield HostileFile("no-data.png", "a header and an end, nothing between", bad, _without_pixels)
    yield HostileFile(
        "million-chunks.png",
        "a million empty chunks",
        bad,
        lambda: grey(before_pixels=crafted.chunk(b"teSt") * 1_000_000),
    )
    yield HostileFile(
        "no-picture.jpg", "a start and an end, nothing between", bad, lambda: crafted.SOI + crafted.EOI
    )
    yield HostileFile(
        "tall-lie.jpg",
        "a header of 4,096 px above the data of 64",
        bad,
        lambda: _patched(crafted.jpeg(), crafted.frame(64, 64), crafted.frame(64, 4096 // 8)),
    )
    yield HostileFile(
        "missing-colour.jpg",
        "three colours announced, one there",
        bad,
        lambda: _patched(
            crafted.jpeg(), crafted.frame(64, 64), crafted.frame(64, 64, components=(0x11,) * 3)
        ),
    )
    yield HostileFile(
        "impossible-length.jpg",
        "a segment shorter than its length field",
        bad,
        lambda: crafted.jpeg(after_start=b"\xff\xe0\0\1"),
    )
    yield HostileFile(
        "two-frames.jpg", "two frame headers", bad, lambda: crafted.jpeg(after_start=crafted.frame(64, 64))
    )
    yield HostileFile(
        "million-segments.jpg",
        "a million empty segments",
        bad,
        lambda: crafted.jpeg(after_start=crafted.segment(0xFE, b"") * 1_000_000),
    )


def _without_pixels() -> bytes:
    signature, header, _, end = crafted.png_chunks(96, 80)
    return signature + header + end


def _unreadable() -> Iterator[HostileFile]:
    """Yield well-formed files that ordinary decoders do not read."""
    other, frame = RejectionReason.UNSUPPORTED_FORMAT, crafted.frame(64, 64)
    for name, about, marker, bits in (
        ("twelve-bit.jpg", "a 12-bit JPEG", 0xC1, 12),
        ("arithmetic.jpg", "an arithmetic-coded JPEG", 0xC9, 8),
        ("arithmetic-progressive.jpg", "an arithmetic-coded progressive JPEG", 0xCA, 8),
        ("lossless.jpg", "a lossless JPEG", 0xC3, 8),
        ("jpeg-ls.jpg", "a JPEG-LS", 0xF7, 8),
        ("hierarchical.jpg", "a hierarchical JPEG", 0xC5, 8),
    ):
        changed = crafted.frame(64, 64, marker, bits)
        yield HostileFile(name, about, other, partial(_patched, crafted.jpeg(), frame, changed))
    yield HostileFile(
        "height-later.jpg",
        "a JPEG whose height comes after its data (DNL)",
        other,
        lambda: _patched(crafted.jpeg(), frame, crafted.frame(64, 0)),
    )
    yield HostileFile(
        "cgbi.png",
        "a PNG from inside an iOS app (CgBI)",
        other,
        lambda: _patched(
            crafted.png(), crafted.PNG_SIGNATURE, crafted.PNG_SIGNATURE + crafted.chunk(b"CgBI", bytes(4))
        ),
    )
    yield HostileFile("animated.png", "an animated PNG", RejectionReason.ANIMATED, _animated_png)


def _limits() -> Iterator[HostileFile]:
    small, big, long = (
        RejectionReason.TOO_SMALL,
        RejectionReason.TOO_MANY_PIXELS,
        RejectionReason.EXTREME_ASPECT,
    )
    for width, height, answer in (
        (64, 64, ACCEPTED),
        (63, 64, small),
        (64, 63, small),
        (1, 1, small),
        (4096, 4096, ACCEPTED),
        (4097, 4096, big),
        (4096, 4097, big),
        (1280, 64, ACCEPTED),
        (64, 1281, long),
        (4096, 64, long),
        (20_000, 20_000, big),
    ):
        about = f"{width:,} × {height:,} px" + (", a bomb of a few hundred KB" if width == 20_000 else "")
        jpeg = crafted.progressive_bomb if width == 20_000 else crafted.jpeg
        yield HostileFile(f"{width}x{height}.jpg", about, answer, partial(jpeg, width, height))
        yield HostileFile(f"{width}x{height}.png", about, answer, partial(crafted.png, width, height))
    yield HostileFile(
        "fifteen-mb.png", "exactly 15 MB", ACCEPTED, lambda: _grown(encode_picture("PNG"), MAX_BYTES)
    )
    yield HostileFile(
        "fifteen-mb-and-1.png",
        "one byte more",
        RejectionReason.TOO_LARGE,
        lambda: _grown(encode_picture("PNG"), MAX_BYTES + 1),
    )


def _odd_but_fine() -> Iterator[HostileFile]:
    def fine(name: str, about: str, make: Callable[[], bytes]) -> HostileFile:
        return HostileFile(name, about, ACCEPTED, make)

    yield fine("SHOUTED.JPG", "an ordinary JPEG under a shouted name", lambda: encode_picture("JPEG"))
    yield fine("png.jpg", "a PNG under a JPEG's name", lambda: encode_picture("PNG"))
    yield fine("jpeg.png", "a JPEG under a PNG's name", lambda: encode_picture("JPEG"))
    yield fine("progressive.jpg", "a progressive JPEG", lambda: encode_picture("JPEG", progressive=True))
    yield fine("grey.jpg", "a grey JPEG", lambda: encode_picture("JPEG", "L"))
    yield fine("cmyk.jpg", "a CMYK JPEG, as printers use", lambda: encode_picture("JPEG", "CMYK"))
    yield fine(
        "restarts.jpg", "restart markers in every row", lambda: encode_picture("JPEG", restart_marker_rows=1)
    )
    yield fine("motion-frame.jpg", "a Motion JPEG frame without Huffman tables", _without_huffman_tables)
    yield fine(
        "padded.jpg",
        "padding and stray bytes between segments",
        lambda: crafted.jpeg(after_start=b"\xff\xff\0\7"),
    )
    yield fine("grey.png", "a grey PNG", lambda: encode_picture("PNG", "L"))
    yield fine("bilevel.png", "a PNG of one bit a pixel", lambda: encode_picture("PNG", "1"))
    yield fine("palette.png", "a palette PNG", lambda: encode_picture("PNG", "P"))
    yield fine("transparent.png", "a PNG with transparency", lambda: encode_picture("PNG", "RGBA"))
    yield fine("sixteen-bit-grey.png", "a 16-bit grey PNG", lambda: encode_picture("PNG", "I;16"))
    yield fine("sixteen-bit.png", "a 16-bit colour PNG", partial(crafted.png, 97, 81, 16, crafted.RGB))
    yield fine(
        "largest.png",
        "134 MB of pixels in a small file, the most that the limits allow",
        partial(crafted.png, 4096, 4096, 16, crafted.RGBA),
    )
    yield fine("interlaced.png", "an interlaced PNG", partial(crafted.png, 97, 81, 8, crafted.RGBA, 1))
    yield fine(
        "interlaced-bits.png", "an interlaced PNG of one bit a pixel", partial(crafted.png, 97, 81, 1, 0, 1)
    )
    for value in range(1, 9):
        yield fine(f"orientation-{value}.jpg", f"EXIF orientation {value}", partial(_oriented, "JPEG", value))
    yield fine("orientation-6.png", "EXIF orientation 6 in a PNG", partial(_oriented, "PNG", 6))
    yield fine("orientation-9.jpg", "an EXIF orientation that does not exist", partial(_oriented, "JPEG", 9))
    yield from _heavy(fine)
    yield from _two_in_one(fine)


def _heavy(fine: Callable[[str, str, Callable[[], bytes]], HostileFile]) -> Iterator[HostileFile]:
    ten = 10_000_000

    def noted(name: bytes, data: bytes) -> bytes:
        return crafted.png(96, 80, before_pixels=crafted.chunk(name, data))

    yield fine(
        "huge-exif.jpg",
        "10 MB of EXIF",
        lambda: crafted.jpeg(after_start=_segments(0xE1, b"Exif\0\0" + crafted.exif(1), ten)),
    )
    yield fine(
        "huge-xmp.jpg",
        "10 MB of XMP",
        lambda: crafted.jpeg(after_start=_segments(0xE1, b"http://ns.adobe.com/xap/1.0/\0", ten)),
    )
    yield fine("huge-icc.jpg", "a colour profile of 10 MB", lambda: crafted.jpeg(after_start=_jpeg_icc(ten)))
    yield fine(
        "huge-comment.jpg", "10 MB of comments", lambda: crafted.jpeg(after_start=_segments(0xFE, b"", ten))
    )
    yield fine("huge-text.png", "10 MB of text", lambda: noted(b"tEXt", b"Comment\0" + b"x" * ten))
    yield fine(
        "packed-text.png",
        "text that would inflate to 20 MB",
        lambda: noted(b"zTXt", b"Comment\0\0" + crafted.deflated_zeros(2 * ten)),
    )
    yield fine(
        "packed-profile.png",
        "a colour profile that would inflate to 20 MB",
        lambda: noted(b"iCCP", b"profile\0\0" + crafted.deflated_zeros(2 * ten)),
    )


def _two_in_one(fine: Callable[[str, str, Callable[[], bytes]], HostileFile]) -> Iterator[HostileFile]:
    yield fine(
        "photo-and-zip.png", "a ZIP archive after the end of a PNG", lambda: encode_picture("PNG") + _zip()
    )
    yield fine(
        "photo-and-page.png", "an HTML page after the end of a PNG", lambda: encode_picture("PNG") + HTML
    )
    yield fine(
        "photo-and-video.jpg",
        "a video after the end of a JPEG, as phones write",
        lambda: encode_picture("JPEG") + VIDEO,
    )
    yield fine(
        "two-photos.jpg",
        "a second JPEG after the first, as 3-D cameras write",
        lambda: encode_picture("JPEG") * 2,
    )
    yield fine(
        "page-in-comment.jpg",
        "a script in a JPEG's comment",
        lambda: crafted.jpeg(after_start=crafted.segment(0xFE, HTML)),
    )


def corpus() -> list[HostileFile]:
    """Return every file in the order of the documentation."""
    families = (_not_photos, _cut, _damaged, _unreadable, _limits, _odd_but_fine)
    return [poison for family in families for poison in family()]


def build_table() -> str:
    """Return the table of the documentation."""
    rows = (f"| `{poison.name}` | {poison.about} | {_shown(poison.answer)} |\n" for poison in corpus())
    return "| File | What it is | Answer |\n|---|---|---|\n" + "".join(rows)


def _shown(answer: str) -> str:
    return answer if answer == ACCEPTED else f"`{answer}`"


def update_table(text: str) -> str:
    """Return the documentation with the current table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{build_table()}{END}{after}"


def main(arguments: list[str]) -> None:
    """Update the table of the documentation, or write every file into the folder that is given."""
    if not arguments:
        DOCUMENT.write_text(update_table(DOCUMENT.read_text("utf-8")), "utf-8")
        return
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for poison in corpus():
        (folder / poison.name).write_bytes(poison.make())


if __name__ == "__main__":
    main(sys.argv[1:])
