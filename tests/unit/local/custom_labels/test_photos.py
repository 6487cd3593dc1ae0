"""Photos are checked by their headers, decoded upright, and brought to one size."""

import io

import numpy as np
import pytest
from PIL import Image

from local.custom_labels.faults import Fault
from local.custom_labels.photos import ORIENTATION_TAG, WORKING_PIXELS, read_photo
from tests import poison
from tests.unit.local.custom_labels.workbench import encoded, part


def refusal(data: bytes) -> str:
    with pytest.raises(Fault) as caught:
        read_photo(data)
    return caught.value.code


@pytest.mark.parametrize(
    ("size", "error"),
    [
        ((63, 200), "InvalidImageFormatException"),
        ((64, 1281), "InvalidImageFormatException"),
        ((64, 4097), "ImageTooLargeException"),
        ((4097, 4097), "ImageTooLargeException"),
    ],
)
def test_sizes_beyond_the_limits_are_refused(size: tuple[int, int], error: str) -> None:
    assert refusal(encoded(Image.new("L", size), "PNG")) == error


@pytest.mark.parametrize("size", [(64, 64), (64, 1280), (1280, 64), (4096, 4096), (4096, 205)])
def test_sizes_at_the_limits_are_read_with_their_aspect(size: tuple[int, int]) -> None:
    height, width = read_photo(encoded(Image.new("L", size), "PNG")).luminance.shape
    assert height * width == pytest.approx(WORKING_PIXELS, rel=0.02)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.03)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    bomb = bytearray(encoded(Image.new("L", (64, 64)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    assert refusal(bytes(bomb)) in ("ImageTooLargeException", "InvalidImageFormatException")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        encoded(part(1, False))[:400],
        encoded(part(1, False).convert("P"), "GIF"),
        encoded(part(1, False), "BMP"),
    ],
)
def test_what_is_no_readable_jpeg_or_png_is_refused(data: bytes) -> None:
    assert refusal(data) == "InvalidImageFormatException"


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_is_read_upright_whatever_exif_says_about_it(turn: int) -> None:
    upright = Image.new("L", (120, 80), 200)
    upright.paste(20, (0, 0, 40, 20))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = turn
    turned = upright.transpose(stored[turn]) if turn in stored else upright
    read = read_photo(encoded(turned, "PNG", exif=exif)).luminance
    assert np.abs(read - read_photo(encoded(upright, "PNG")).luminance).mean() < 0.01


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_is_read_with_its_brightness(mode: str) -> None:
    grey = part(3, True)
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    photo = read_photo(encoded(wide, "PNG"))
    tolerance = 0.5 if mode == "1" else 0.02
    assert photo.luminance.mean() == pytest.approx(float(np.asarray(grey).mean()) / 255, abs=tolerance)
    assert not photo.has_colour


def test_cmyk_and_progressive_jpegs_are_read() -> None:
    coloured = part(3, True, colour=True)
    assert read_photo(encoded(coloured.convert("CMYK"))).has_colour
    assert read_photo(encoded(coloured, progressive=True)).has_colour


def test_a_photo_as_large_as_allowed_costs_little_more_than_a_small_one() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((4096, 4096), 40).save(buffer, "JPEG", quality=60)
    assert read_photo(buffer.getvalue()).luminance.size == pytest.approx(WORKING_PIXELS, rel=0.02)


@pytest.mark.parametrize(
    "accepted",
    [file for file in poison.corpus() if file.answer == poison.ACCEPTED],
    ids=lambda file: file.name,
)
def test_what_the_line_accepts_the_model_can_look_at(accepted: poison.Poison) -> None:
    assert read_photo(accepted.make()).luminance.size
