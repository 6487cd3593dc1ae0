"""Photos are checked by their headers, decoded upright, and scaled to one size."""

import io

import numpy as np
import pytest
from PIL import Image

from local.sample_parts import photograph_part
from tests import hostile_files
from tests.unit.custom_labels.in_memory_service import encode, plate_photo
from vision.features import extract_features
from vision.photo_decoding import (
    ORIENTATION_TAG,
    WORKING_PIXELS,
    PhotoError,
    PhotoTooLargeError,
    decode_photo,
)


def decoding_error(data: bytes) -> type[PhotoError]:
    with pytest.raises(PhotoError) as caught:
        decode_photo(data)
    return caught.type


@pytest.mark.parametrize(
    ("size", "error"),
    [
        ((63, 200), PhotoError),
        ((64, 1281), PhotoError),
        ((64, 4097), PhotoTooLargeError),
        ((4097, 4097), PhotoTooLargeError),
    ],
)
def test_sizes_beyond_the_limits_are_refused(size: tuple[int, int], error: type[PhotoError]) -> None:
    assert decoding_error(encode(Image.new("L", size), "PNG")) is error


@pytest.mark.parametrize("size", [(64, 64), (64, 1280), (1280, 64), (4096, 4096), (4096, 205)])
def test_sizes_at_the_limits_are_read_with_their_aspect(size: tuple[int, int]) -> None:
    height, width = decode_photo(encode(Image.new("L", size), "PNG")).luminance.shape
    assert height * width == pytest.approx(WORKING_PIXELS, rel=0.02)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.03)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    bomb = bytearray(encode(Image.new("L", (64, 64)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    assert decoding_error(bytes(bomb)) in (PhotoTooLargeError, PhotoError)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        encode(plate_photo(1, False))[:400],
        encode(plate_photo(1, False).convert("P"), "GIF"),
        encode(plate_photo(1, False), "BMP"),
    ],
)
def test_a_file_that_is_no_readable_jpeg_or_png_is_refused(data: bytes) -> None:
    assert decoding_error(data) is PhotoError


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_read_upright_with_every_exif_orientation(orientation: int) -> None:
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
    exif[ORIENTATION_TAG] = orientation
    turned = upright.transpose(stored[orientation]) if orientation in stored else upright
    luminance = decode_photo(encode(turned, "PNG", exif=exif)).luminance
    assert np.abs(luminance - decode_photo(encode(upright, "PNG")).luminance).mean() < 0.01


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png_is_read_with_its_brightness(mode: str) -> None:
    grey = plate_photo(3, True)
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    photo = decode_photo(encode(wide, "PNG"))
    tolerance = 0.5 if mode == "1" else 0.02
    assert photo.luminance.mean() == pytest.approx(float(np.asarray(grey).mean()) / 255, abs=tolerance)
    assert not photo.has_colour


def decode_plainly(data: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Decode an upright photo of eight bits without alpha, in the fewest calls of Pillow."""
    with Image.open(io.BytesIO(data)) as image:
        scale = (WORKING_PIXELS / (image.width * image.height)) ** 0.5
        size = round(image.width * scale), round(image.height * scale)
        image.draft(image.mode, (2 * size[0], 2 * size[1]))
        scaled = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0).convert("L")
    return np.asarray(scaled, dtype=np.float32) * np.float32(1 / 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(300, 300), (640, 480), (1600, 1200)])
def test_ordinary_photos_have_byte_identical_features(kind: str, mode: str, size: tuple[int, int]) -> None:
    data = encode(photograph_part(3).resize(size).convert(mode), kind)
    photo = decode_photo(data)

    assert photo.luminance.tobytes() == decode_plainly(data).tobytes()
    assert np.array_equal(extract_features([photo.luminance]), extract_features([decode_plainly(data)]))


def test_an_opaque_alpha_channel_changes_nothing() -> None:
    part = photograph_part(3).convert("RGB")
    opaque = decode_photo(encode(part.convert("RGBA"), "PNG"))

    assert opaque.luminance.tobytes() == decode_photo(encode(part, "PNG")).luminance.tobytes()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_areas_are_white_whatever_lies_below(mode: str) -> None:
    clear = Image.new("LA" if mode == "LA" else "RGBA", (100, 100))
    content = encode(clear.quantize(4) if mode == "PA" else clear, "PNG")

    assert decode_photo(content).luminance.min() == 1


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    half = encode(Image.new("RGBA", (100, 100), (0, 0, 0, 128)), "PNG")

    assert decode_photo(half).luminance.mean() == pytest.approx(0.5, abs=0.01)


def test_cmyk_and_progressive_jpegs_are_read() -> None:
    coloured = plate_photo(3, True, colour=True)
    assert decode_photo(encode(coloured.convert("CMYK"))).has_colour
    assert decode_photo(encode(coloured, progressive=True)).has_colour


def test_a_photo_as_large_as_allowed_costs_little_more_than_a_small_one() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((4096, 4096), 40).save(buffer, "JPEG", quality=60)
    assert decode_photo(buffer.getvalue()).luminance.size == pytest.approx(WORKING_PIXELS, rel=0.02)


@pytest.mark.parametrize(
    "accepted",
    [file for file in hostile_files.corpus() if file.answer == hostile_files.ACCEPTED],
    ids=lambda file: file.name,
)
def test_every_file_that_the_product_accepts_can_be_decoded(accepted: hostile_files.HostileFile) -> None:
    assert decode_photo(accepted.make()).luminance.size
