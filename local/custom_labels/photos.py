"""Photos as the classifier takes them: checked before they are decoded, upright, of one size."""

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from local.custom_labels.faults import Fault
from local.custom_labels.filters import Plane
from local.custom_labels.png import bare

SHORTEST_SIDE = 64
LONGEST_SIDE = 4096
WIDEST_ASPECT = 20
MOST_BYTES_IN_S3 = 15 * 1024 * 1024
MOST_BYTES_INLINE = 4 * 1024 * 1024
WORKING_PIXELS = 256 * 256
# Opponent values below this are the noise of a grey photo saved as JPEG.
VISIBLE_COLOUR = 0.02
ORIENTATION_TAG = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises, directly or through its plugins, for files that are broken or made to be.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo at working size: luminance 0–1 and two opponent channels, none of them for a grey photo."""

    luminance: Plane
    opponents: tuple[Plane, ...]

    @property
    def has_colour(self) -> bool:
        return any(float(np.abs(plane).mean()) > VISIBLE_COLOUR for plane in self.opponents)

    def planes(self, colour: bool) -> list[Plane]:
        if not colour:
            return [self.luminance]
        grey = np.zeros_like(self.luminance)
        return [self.luminance, *(self.opponents or (grey, grey))]


def read_photo(data: bytes) -> Photo:
    """Decode a photo that passes the service's limits, or say in AWS's terms why it does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(bare(data)), formats=("JPEG", "PNG")) as image:
                _refuse_odd_sizes(*image.size)
                return _decode(image)
        except UNREADABLE as error:
            message = "Request has invalid image format: not a readable JPEG or PNG."
            raise Fault("InvalidImageFormatException", message) from error


def _refuse_odd_sizes(width: int, height: int) -> None:
    shortest, longest = sorted((width, height))
    if longest > LONGEST_SIDE:
        raise Fault(
            "ImageTooLargeException", f"The image is {width} x {height}; at most {LONGEST_SIDE} a side."
        )
    if shortest < SHORTEST_SIDE or longest > WIDEST_ASPECT * shortest:
        raise Fault(
            "InvalidImageFormatException",
            f"The image is {width} x {height}; at least {SHORTEST_SIDE} a side, at most {WIDEST_ASPECT}:1.",
        )


def _decode(image: Image.Image) -> Photo:
    """Keep the aspect, and bring every photo to one number of pixels: no border has to be invented."""
    turn = TURNS.get(_orientation(image))
    scale = (WORKING_PIXELS / (image.width * image.height)) ** 0.5
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image.draft(image.mode, (2 * size[0], 2 * size[1]))
    plain = _plain(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _photo(plain if turn is None else plain.transpose(turn))


def _orientation(image: Image.Image) -> int:
    """What EXIF says, 1 (upright) where it says nothing that can be understood."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Eight bits, grey or RGB; sixteen-bit greys are scaled, where Pillow alone would clip them to white."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.float32) / 257).clip(0, 255).astype(np.uint8))
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    return image.convert("RGB")


def _photo(image: Image.Image) -> Photo:
    luminance = _unit(image.convert("L"))
    if image.mode == "L":
        return Photo(luminance, ())
    red, green, blue = np.moveaxis(_unit(image), 2, 0)
    return Photo(luminance, (red - green, (red + green) * np.float32(0.5) - blue))


def _unit(image: Image.Image) -> Plane:
    values: Plane = np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
    return values
