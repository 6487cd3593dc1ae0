"""Faults of a camera and of its light, applied to a photo: each of them must be stopped."""

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageFilter

QUALITY = 90
NOISE_SEED = 1

Fault = Callable[[Image.Image], Image.Image]


def dim(factor: float) -> Fault:
    """Return the fault that multiplies the light by a factor; a sensor clips light above its range."""
    return lambda photo: photo.point(lambda value: min(255, round(value * factor)))


def defocus(sigma: float) -> Fault:
    """Return the fault of a lens out of focus: a Gaussian with `sigma` in pixels."""
    return lambda photo: photo.filter(ImageFilter.GaussianBlur(sigma))


def paint_uniform_grey(grey: int) -> Fault:
    """Return the fault of a photo with one grey value (0 to 255) everywhere."""
    return lambda photo: Image.new(photo.mode, photo.size, (grey,) * len(photo.getbands()))


def replace_by_noise(photo: Image.Image) -> Image.Image:
    """Return noise of the photo's size: a broken cable."""
    shape = (photo.height, photo.width, len(photo.getbands()))
    noise = np.random.default_rng(NOISE_SEED).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(noise[:, :, 0] if shape[2] == 1 else noise)


def cover_half(photo: Image.Image) -> Image.Image:
    """Return the photo with its left half black: an object in front of the lens."""
    covered = photo.copy()
    covered.paste((0,) * len(photo.getbands()), (0, 0, photo.width // 2, photo.height))
    return covered


def shift(share: float) -> Fault:
    """Return the fault of a camera that was knocked: the photo moves to the right by a share of its width."""

    def move(photo: Image.Image) -> Image.Image:
        moved = Image.new(photo.mode, photo.size)
        moved.paste(photo, (round(share * photo.width), 0))
        return moved

    return move


# The faults that the photo guard promises to stop.
GROSS_FAULTS: Mapping[str, Fault] = {
    "black": paint_uniform_grey(0),
    "white": paint_uniform_grey(255),
    "grey": paint_uniform_grey(128),
    "noise": replace_by_noise,
    "light x 0.25": dim(0.25),
    "light x 0.5": dim(0.5),
    "light x 0.7": dim(0.7),
    "light x 1.8": dim(1.8),
    "blur 2": defocus(2),
    "blur 4": defocus(4),
    "half covered": cover_half,
    "shifted by 10 %": shift(0.1),
}


def apply_fault(content: bytes, fault: Fault) -> bytes:
    """Return a photo file with the fault as a JPEG file. Raise OSError if Pillow cannot read it."""
    with Image.open(io.BytesIO(content)) as image:
        photo = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    file = io.BytesIO()
    fault(photo).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
