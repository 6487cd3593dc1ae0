"""The measures of a photo: their values, what changes them, and what they cost."""

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from local.sample_parts import photograph_part
from tests import crafted, hostile_files
from tests.unit.custom_labels.in_memory_service import encode, plate_photo
from vision.photo_decoding import DECODER_VERSION, ORIENTATION_TAG, PhotoError
from vision.photo_measures import measure_photo

KEYS = {
    "decoder_version", "brightness", "contrast", "black_share", "white_share", "sharpness", "colour_cast",
    "bit_depth", "frame_hash", "descriptor",
}  # fmt: skip


def measure(image: Image.Image, **options: Any) -> dict[str, Any]:
    return measure_photo(encode(image, "PNG", **options))


def test_the_measures_of_a_known_picture_are_known() -> None:
    pixels = np.full((100, 100), 100, np.uint8)
    pixels[:50] = 0
    pixels[:, 75:] = 255
    measures = measure(Image.fromarray(pixels))

    assert measures.keys() == KEYS
    assert measures["decoder_version"] == DECODER_VERSION
    assert measures["brightness"] == pytest.approx(pixels.mean())
    assert measures["contrast"] == pytest.approx(pixels.std())
    assert (measures["black_share"], measures["white_share"]) == pytest.approx((0.375, 0.25))
    assert (measures["colour_cast"], measures["bit_depth"]) == (0, 8)


def test_colour_cast_is_the_mean_distance_from_grey() -> None:
    assert measure(Image.new("RGB", (80, 80), (130, 100, 85)))["colour_cast"] == pytest.approx(
        np.hypot(30, 30)
    )


def test_the_descriptor_has_about_a_hundred_numbers_in_single_precision() -> None:
    descriptor = measure_photo(encode(photograph_part(3)))["descriptor"]

    assert isinstance(descriptor, tuple)
    assert 90 <= len(descriptor) <= 110
    assert descriptor == tuple(np.array(descriptor, np.float32).tolist())
    assert np.isfinite(descriptor).all()


@pytest.mark.parametrize("sigma", [1, 2, 4])
def test_blur_lowers_the_sharpness(sigma: int) -> None:
    photo = photograph_part(3)
    blurred = measure(photo.filter(ImageFilter.GaussianBlur(sigma)))

    assert blurred["sharpness"] < measure(photo)["sharpness"] - 0.35


def test_sharpness_means_the_same_at_every_resolution() -> None:
    photo = photograph_part(3).resize((768, 768), Image.Resampling.BICUBIC)
    larger = photo.resize((1536, 1536), Image.Resampling.BICUBIC)

    assert measure(photo)["sharpness"] == pytest.approx(measure(larger)["sharpness"], abs=0.05)


def test_the_noise_of_a_sensor_changes_the_frame_hash_and_metadata_do_not() -> None:
    pixels = np.asarray(photograph_part(3).convert("L"))
    noisy = pixels.copy()
    noisy[150, 150] += 1
    exif = Image.Exif()
    exif[0x010F] = "camera"
    same, other = Image.fromarray(pixels), Image.fromarray(noisy)

    assert measure(same)["frame_hash"] == measure(same, exif=exif, compress_level=1)["frame_hash"]
    assert measure(same)["frame_hash"] != measure(other)["frame_hash"]


def test_the_lowest_of_twelve_bits_changes_the_frame_hash() -> None:
    pixels = np.full((80, 80), 2000, np.uint16)
    first = measure(Image.fromarray(pixels))["frame_hash"]
    pixels[40, 40] += 1

    assert measure(Image.fromarray(pixels))["frame_hash"] != first


def test_a_turned_file_with_its_orientation_measures_as_the_upright_photo() -> None:
    upright = photograph_part(3)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    turned = measure(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)

    assert turned["descriptor"] == pytest.approx(measure(upright)["descriptor"], abs=1e-4)


def test_transparent_areas_measure_as_white() -> None:
    cut_out = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    cut_out.paste((90, 90, 90, 255), (25, 25, 75, 75))
    flat = Image.new("RGB", (100, 100), "white")
    flat.paste((90, 90, 90), (25, 25, 75, 75))
    first, second = measure(cut_out), measure(flat)

    assert first | {"frame_hash": ""} == second | {"frame_hash": ""}


@pytest.mark.parametrize(
    "content",
    [b"", b"text", encode(Image.new("L", (63, 90)), "PNG"), encode(Image.new("L", (64, 1281)), "PNG"),
     encode(Image.new("L", (64, 4097)), "PNG"), encode(plate_photo(1, False))[:400]],
    ids=["empty", "text", "small", "narrow", "large", "cut"],
)  # fmt: skip
def test_a_file_that_the_model_cannot_read_is_not_measured(content: bytes) -> None:
    with pytest.raises(PhotoError):
        measure_photo(content)


@pytest.mark.parametrize(
    "file",
    [file for file in hostile_files.corpus() if file.answer == hostile_files.ACCEPTED],
    ids=lambda file: file.name,
)
def test_every_accepted_hostile_file_is_measured(file: hostile_files.HostileFile) -> None:
    measures = measure_photo(file.make())

    assert measures.keys() == KEYS
    assert np.isfinite(measures["descriptor"]).all()


def largest_jpeg() -> bytes:
    return encode(Image.effect_noise((4096, 4096), 40).convert("RGB"), quality=75)


def largest_twelve_bit_png() -> bytes:
    """Return a colour PNG with transparency whose high and low bytes must both be decoded."""
    row = struct.pack(">4H", 100, 2000, 4095, 3000) * 4096
    return crafted.png_of_rows([row] * 4096, 4096, 4096, 16, crafted.RGBA)


MEASURE = """
import re, sys, time
from pathlib import Path
from vision.photo_measures import measure_photo
content = Path(sys.argv[1]).read_bytes()
began = time.process_time()
measure_photo(content)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(time.process_time() - began, int(peak[1]) / 1024)
"""


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (largest_jpeg, 0.4),
        (lambda: crafted.png(4096, 4096, 8, crafted.RGBA), 0.4),
        (largest_twelve_bit_png, 0.8),
    ],
    ids=["JPEG", "PNG with alpha", "12-bit PNG with alpha"],
)
def test_the_largest_photos_take_bounded_time_and_memory(
    make: Callable[[], bytes], seconds: float, tmp_path: Path
) -> None:
    """A process of its own: Pillow's memory is not Python's, and `ru_maxrss` would be that of its parent."""
    photo = tmp_path / "photo"
    photo.write_bytes(make())
    answer = subprocess.run(
        [sys.executable, "-c", MEASURE, str(photo)], capture_output=True, text=True, check=True
    )
    spent, megabytes = map(float, answer.stdout.split())

    assert megabytes < 512
    assert spent < 4 * seconds  # a busy machine counts more
