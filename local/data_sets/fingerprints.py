"""What a photo looks like, whichever way it was turned, mirrored, shifted a little, or saved again."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import rfft2
from scipy.ndimage import gaussian_filter, map_coordinates

SIDE = 128
SPECTRUM = 256
ANGLES = 180
HARMONICS = 18
RADII = np.linspace(4, 32, 40) * SPECTRUM / SIDE
LARGEST_OFFSET = 0.16 * SIDE
WINDOW = 0.97

Array = NDArray[np.float32]

_MIDDLE = (SIDE - 1) / 2
_DOWN, _ACROSS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
# Half a circle, from straight up to straight down: the other half of a real photo's spectrum is the same.
_TURNS = np.arange(ANGLES) * np.pi / ANGLES - np.pi / 2
_RAYS = (SPECTRUM / 2 + np.outer(np.sin(_TURNS), RADII), np.outer(np.cos(_TURNS), RADII))


def fingerprint(content: bytes) -> Array:
    """The numbers of one photo; raises OSError or ValueError for what Pillow cannot read.

    The size of a spectrum does not know where the part lies. Read along half circles, turning the part shifts
    it and mirroring reverses it, and the size of *its* spectrum knows of neither.
    """
    details = _details(_square(content))
    spectrum = np.abs(rfft2(details * _window(*_centre(details)), (SPECTRUM, SPECTRUM)))
    polar = map_coordinates(np.sqrt(np.fft.fftshift(spectrum, axes=0)), _RAYS, order=1)
    harmonics = np.abs(np.fft.rfft(polar - polar.mean(axis=0), axis=0))[1:HARMONICS]
    prints: Array = np.log1p(harmonics).ravel().astype(np.float32)
    return prints


def _square(content: bytes) -> Array:
    """The largest square in the middle, grey, 0 to 1: what turning a photo leaves in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                image.draft("L", (2 * SIDE, 2 * SIDE))
                side = min(image.size)
                left, top = (image.width - side) / 2, (image.height - side) / 2
                grey = image.convert("L").resize(
                    (SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side), 2.0
                )
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, SyntaxError) as error:
            raise ValueError(str(error)) from error
    return np.asarray(grey, dtype=np.float32) / np.float32(255)


def _details(grey: Array) -> Array:
    details: Array = gaussian_filter(grey, 0.6) - gaussian_filter(grey, 4)
    return details


def _window(down: float, across: float) -> Array:
    """A round, soft-edged look at the photo around a point."""
    away = np.hypot(_DOWN - down, _ACROSS - across) / (SIDE / 2 * WINDOW)
    return np.where(away < 1, np.cos(np.pi / 2 * np.minimum(away, 1)), 0).astype(np.float32)


def _centre(details: Array) -> tuple[float, float]:
    """Where the details are, which is where the part is: so a shifted part is looked at in the same way.

    The whole photo is weighed: through a window, a part that reaches beyond it would push the centre away.
    """
    strength = gaussian_filter(np.abs(details), 3)
    weight = np.clip(strength - np.median(strength), 0, None)
    total = float(weight.sum()) + 1e-9
    low, high = _MIDDLE - LARGEST_OFFSET, _MIDDLE + LARGEST_OFFSET
    down, across = float((weight * _DOWN).sum()) / total, float((weight * _ACROSS).sum()) / total
    return float(np.clip(down, low, high)), float(np.clip(across, low, high))
