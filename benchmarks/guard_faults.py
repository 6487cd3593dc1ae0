"""Faults of cameras beyond those that the photo guard promises to stop: some are slight, some look usual."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vision.camera_faults import GROSS_FAULTS, Fault, defocus, dim, shift

NOISE_SEED = 2
Levels = NDArray[np.float32]


def _levels(photo: Image.Image) -> Levels:
    return np.asarray(photo, dtype=np.float32)


def _photo(levels: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8))


def _along(levels: Levels, axis: int, values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return one value for each row (axis 0) or column (axis 1), in a shape that `levels` accepts."""
    shape = [1] * levels.ndim
    shape[axis] = len(values)
    return values.reshape(shape)


def change_gamma(exponent: float) -> Fault:
    """Return the fault of a changed tone curve; an exponent below 1 brightens the middle."""
    return lambda photo: _photo(255 * (_levels(photo) / 255) ** exponent)


def shade(left: float, right: float) -> Fault:
    """Return the fault of light from one side, with its factor at both sides."""

    def apply(photo: Image.Image) -> Image.Image:
        levels = _levels(photo)
        return _photo(levels * _along(levels, 1, np.linspace(left, right, levels.shape[1])))

    return apply


def move_while_exposed(pixels: int) -> Fault:
    """Return the fault of a part that moves to the side by some pixels while it is exposed."""

    def apply(photo: Image.Image) -> Image.Image:
        levels = _levels(photo)
        return _photo(
            np.mean([np.roll(levels, step - pixels // 2, axis=1) for step in range(pixels)], axis=0)
        )

    return apply


def add_noise(deviation: float) -> Fault:
    """Return the fault of a sensor with noise of a standard deviation in grey values."""

    def apply(photo: Image.Image) -> Image.Image:
        levels = _levels(photo)
        return _photo(levels + np.random.default_rng(NOISE_SEED).normal(0, deviation, levels.shape))

    return apply


def add_stripes(photo: Image.Image) -> Image.Image:
    """Return the photo with horizontal stripes, four rows each, of ±20 grey values."""
    levels = _levels(photo)
    return _photo(levels + _along(levels, 0, 40.0 * (np.arange(len(levels)) // 4 % 2) - 20))


def cover_quarter_with_ground(photo: Image.Image) -> Image.Image:
    """Return the photo with its right quarter covered in the colour of its first pixel."""
    covered = photo.copy()
    covered.paste(photo.getpixel((0, 0)), (3 * photo.width // 4, 0, photo.width, photo.height))
    return covered


def shift_with_ground(share: float) -> Fault:
    """Return the fault of a shifted camera that sees more ground: the border's pixels continue outwards."""

    def apply(photo: Image.Image) -> Image.Image:
        levels = _levels(photo)
        pixels = round(share * photo.width)
        padding = [(0, 0), (pixels, 0), (0, 0)][: levels.ndim]
        return _photo(np.pad(levels, padding, mode="edge")[:, : photo.width])

    return apply


def enlarge(factor: float) -> Fault:
    """Return the fault of a changed lens: the middle of the photo, enlarged to its size."""

    def apply(photo: Image.Image) -> Image.Image:
        margin = (1 - 1 / factor) / 2
        left, top = photo.width * margin, photo.height * margin
        box = (left, top, photo.width - left, photo.height - top)
        return photo.resize(photo.size, Image.Resampling.BICUBIC, box)

    return apply


ALL_FAULTS: Mapping[str, Fault] = {
    **GROSS_FAULTS,
    "light x 1.3": dim(1.3),
    "gamma 0.8": change_gamma(0.8),
    "gamma 1.25": change_gamma(1.25),
    "shading 0.7 to 1.3": shade(0.7, 1.3),
    **{f"blur {sigma:g}": defocus(sigma) for sigma in (0.7, 1, 1.5, 8)},
    "motion of 9 pixels": move_while_exposed(9),
    "noise of 5": add_noise(5),
    "noise of 15": add_noise(15),
    "stripes": add_stripes,
    "quarter covered, as ground": cover_quarter_with_ground,
    "shifted by 25 %": shift(0.25),
    "shifted by 10 %, on ground": shift_with_ground(0.1),
    "shifted by 25 %, on ground": shift_with_ground(0.25),
    "enlarged x 1.25": enlarge(1.25),
    "enlarged x 1.5": enlarge(1.5),
}
