"""The bits that a camera used are found from the file, and people, model and measures see them stretched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import crafted
from tests.unit.custom_labels.in_memory_service import encode, plate_photo
from vision.photo_decoding import decode_photo
from vision.photo_measures import measure_photo
from vision.sixteen_bits import find_bit_depth

COLOUR_TYPES = {
    "grey": (crafted.GREY, 1),
    "grey with alpha": (crafted.GREY_ALPHA, 2),
    "colour": (crafted.RGB, 3),
    "colour with alpha": (crafted.RGBA, 4),
}
DEPTHS = (10, 12, 14, 16)
PLATE = np.asarray(plate_photo(3, True)).astype(np.uint16)


def sixteen_bit_png(values: NDArray[np.uint16], kind: str, opaque: int = 65535) -> bytes:
    """Write grey values (height × width) as a 16-bit PNG of a colour type."""
    colour, samples = COLOUR_TYPES[kind]
    pixels = np.repeat(values[..., None], samples, axis=2).astype(">u2")
    if "alpha" in kind:
        pixels[..., -1] = opaque
    height, width = values.shape
    return crafted.png_of_rows((row.tobytes() for row in pixels), width, height, 16, colour)


def camera_values(bits: int) -> NDArray[np.uint16]:
    """Return the plate as a camera with this many bits reads it, right-aligned."""
    return (PLATE.astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)


@pytest.mark.parametrize("kind", COLOUR_TYPES)
@pytest.mark.parametrize("bits", DEPTHS)
def test_right_aligned_bits_look_like_the_same_photo_in_eight(kind: str, bits: int) -> None:
    photo = sixteen_bit_png(camera_values(bits), kind, opaque=2**bits - 1)

    assert (
        np.abs(
            decode_photo(photo).luminance - decode_photo(encode(plate_photo(3, True), "PNG")).luminance
        ).max()
        < 0.01
    )
    assert measure_photo(photo)["bit_depth"] == bits


@pytest.mark.parametrize(("kind", "bits"), [("grey", 10), ("grey", 12), ("grey", 14), ("colour", 16)])
def test_left_aligned_bits_fill_the_range_already(kind: str, bits: int) -> None:
    photo = sixteen_bit_png(camera_values(bits) << (16 - bits), kind)

    assert decode_photo(photo).luminance.mean() == pytest.approx(PLATE.mean() / 255, abs=0.01)
    assert measure_photo(photo)["bit_depth"] == bits


@pytest.mark.parametrize("kind", ["grey", "colour", "colour with alpha"])
def test_dark_left_aligned_bits_stay_dark(kind: str) -> None:
    photo = sixteen_bit_png((PLATE // 8) << 8, kind)

    assert decode_photo(photo).luminance.mean() == pytest.approx(PLATE.mean() / 8 / 255, abs=0.01)
    assert measure_photo(photo)["bit_depth"] == 10


@pytest.mark.parametrize("kind", ["grey with alpha", "colour with alpha"])
def test_alpha_keeps_its_own_depth(kind: str) -> None:
    assert decode_photo(sixteen_bit_png(camera_values(12), kind)).luminance.mean() == pytest.approx(
        PLATE.mean() / 255, abs=0.01
    )


def test_a_transparent_value_of_sixteen_bits_is_white() -> None:
    values = camera_values(12)
    values[:36] = 7
    rows = (row.astype(">u2").tobytes() for row in values)
    transparent = crafted.chunk(b"tRNS", (7).to_bytes(2, "big"))
    photo = crafted.png_of_rows(rows, 72, 72, 16, crafted.GREY, before_pixels=transparent)

    assert decode_photo(photo).luminance[:120].min() > 0.99


@pytest.mark.parametrize(
    ("values", "depth"),
    [
        ([0, 0], (16, 16)),
        ([1023], (10, 10)),
        ([1024, 3], (12, 12)),
        ([4095, 4096], (14, 14)),
        ([16384, 1], (16, 16)),
        ([4095 << 4], (12, 16)),
        ([16 << 4, 3 << 4], (12, 16)),
        ([1 << 8], (10, 16)),
    ],
)
def test_the_depth_is_the_smallest_that_holds_the_values(values: list[int], depth: tuple[int, int]) -> None:
    assert find_bit_depth(int(np.bitwise_or.reduce(values))) == depth
