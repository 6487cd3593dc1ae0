"""Photo measures: light, sharpness, colour, a frame hash and a descriptor of one photo file."""

import hashlib
from typing import Any

import numpy as np
from PIL import Image

from vision.filters import Plane
from vision.photo_decoding import DECODER_VERSION, check_shape, open_photo
from vision.photo_descriptor import describe_photo

# Larger photos are reduced to this many pixels, so that sharpness means the same at every resolution.
MEASURED_PIXELS = 384 * 384
HASHED_SIDE = 256
BLACK = 5
WHITE = 250
_LEAST_LAPLACIAN = 0.01
_GREY_VALUES = np.arange(256, dtype=np.float64)


def measure_photo(content: bytes) -> dict[str, Any]:
    """Measure a JPEG or PNG file. Raise PhotoTooLargeError or PhotoError with the reason.

    Return `decoder_version`; `brightness` and `contrast` (mean and standard deviation of the luminance, 0 to
    255); `black_share` and `white_share` (0 to 1); `sharpness` (natural logarithm of the luminance's mean
    absolute Laplacian, at MEASURED_PIXELS pixels or the photo's own size if it is smaller); `colour_cast`
    (mean distance from grey, 0 to 255); `bit_depth`; `frame_hash` (SHA-256, hexadecimal, of the central
    256 × 256 pixels as stored); `descriptor` (numbers in single precision).
    """
    with open_photo(content) as photo:
        check_shape(*photo.image.size)
        frame_hash = _hash_centre(photo.image)
        decoded, bit_depth = photo.to_eight_bits()
        picture = photo.turn_upright(_reduce(decoded))
    luminance = picture.convert("L")
    levels = np.array(luminance.histogram()) / (luminance.width * luminance.height)
    brightness = float(levels @ _GREY_VALUES)
    return {
        "decoder_version": DECODER_VERSION,
        "brightness": brightness,
        "contrast": float(levels @ (_GREY_VALUES - brightness) ** 2) ** 0.5,
        "black_share": float(levels[:BLACK].sum()),
        "white_share": float(levels[WHITE + 1 :].sum()),
        "sharpness": _sharpness(np.asarray(luminance, dtype=np.float32)),
        "colour_cast": _colour_cast(picture),
        "bit_depth": bit_depth,
        "frame_hash": frame_hash,
        "descriptor": describe_photo(picture),
    }


def _hash_centre(image: Image.Image) -> str:
    """Hash the pixels before any conversion, so that the noise of a sensor changes the hash."""
    left, top = max(0, (image.width - HASHED_SIDE) // 2), max(0, (image.height - HASHED_SIDE) // 2)
    right, bottom = min(image.width, left + HASHED_SIDE), min(image.height, top + HASHED_SIDE)
    return hashlib.sha256(image.crop((left, top, right, bottom)).tobytes()).hexdigest()


def _reduce(picture: Image.Image) -> Image.Image:
    scale = (MEASURED_PIXELS / (picture.width * picture.height)) ** 0.5
    if scale >= 1:
        return picture
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _sharpness(luminance: Plane) -> float:
    centre = luminance[1:-1, 1:-1]
    neighbours = luminance[:-2, 1:-1] + luminance[2:, 1:-1] + luminance[1:-1, :-2] + luminance[1:-1, 2:]
    laplacian = np.abs(np.float32(4) * centre - neighbours)
    return float(np.log(laplacian.mean(dtype=np.float64) + _LEAST_LAPLACIAN))


def _colour_cast(picture: Image.Image) -> float:
    """Return the length of the mean of two opponent channels: red − green and yellow − blue."""
    if picture.mode == "L":
        return 0.0
    counts = np.array(picture.histogram()).reshape(3, 256)
    red, green, blue = counts @ _GREY_VALUES / (picture.width * picture.height)
    return float(np.hypot(red - green, (red + green) / 2 - blue))
