"""Photo fingerprints: invariant to turning and mirroring, robust to small shifts and to re-encoding."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import rfft2
from scipy.ndimage import gaussian_filter, map_coordinates

from vision.photo_decoding import open_photo

SIDE = 128
SPECTRUM_SIDE = 256
ANGLES = 180
HARMONICS = 18
RADII = np.linspace(4, 32, 40) * SPECTRUM_SIDE / SIDE
MAX_CENTRE_OFFSET = 0.16 * SIDE
WINDOW_SHARE = 0.97

Fingerprint = NDArray[np.float32]
GreyImage = NDArray[np.float32]

_MIDDLE = (SIDE - 1) / 2
_ROWS, _COLUMNS = np.mgrid[:SIDE, :SIDE].astype(np.float32)
# Half a circle, from straight up to straight down: the other half of a real image's spectrum is the same.
_ANGLES = np.arange(ANGLES) * np.pi / ANGLES - np.pi / 2
_POLAR_GRID = (SPECTRUM_SIDE / 2 + np.outer(np.sin(_ANGLES), RADII), np.outer(np.cos(_ANGLES), RADII))


def compute_fingerprint(content: bytes) -> Fingerprint:
    """Compute the fingerprint of one photo file. Raise OSError or ValueError if Pillow cannot read it.

    The magnitude spectrum does not depend on the part's position. Sampled along half circles (as for the
    Fourier-Mellin transform), it shifts when the part is turned and reverses when it is mirrored. The
    magnitudes of its harmonics along the angle change with neither.
    """
    details = _band_pass(_centre_square(content))
    spectrum = np.abs(rfft2(details * _window(*_centre_of_details(details)), (SPECTRUM_SIDE, SPECTRUM_SIDE)))
    polar = map_coordinates(np.sqrt(np.fft.fftshift(spectrum, axes=0)), _POLAR_GRID, order=1)
    harmonics = np.abs(np.fft.rfft(polar - polar.mean(axis=0), axis=0))[1:HARMONICS]
    fingerprint: Fingerprint = np.log1p(harmonics).ravel().astype(np.float32)
    return fingerprint


def _centre_square(content: bytes) -> GreyImage:
    """Decode the largest centred square in grey, 0 to 1: the area that turning a photo leaves in it."""
    with open_photo(content) as photo:
        photo.image.draft("L", (2 * SIDE, 2 * SIDE))
        picture, _ = photo.to_eight_bits()
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        box = (left, top, left + side, top + side)
        grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR, box, 2.0)
    return np.asarray(grey, dtype=np.float32) / np.float32(255)


def _band_pass(grey: GreyImage) -> GreyImage:
    """Return a difference of Gaussians."""
    details: GreyImage = gaussian_filter(grey, 0.6) - gaussian_filter(grey, 4)
    return details


def _window(row: float, column: float) -> GreyImage:
    """Return a round window with soft edges around a point."""
    distance = np.hypot(_ROWS - row, _COLUMNS - column) / (SIDE / 2 * WINDOW_SHARE)
    return np.where(distance < 1, np.cos(np.pi / 2 * np.minimum(distance, 1)), 0).astype(np.float32)


def _centre_of_details(details: GreyImage) -> tuple[float, float]:
    """Return row and column of the details' centre: a shifted part gets the same window.

    The weights cover the whole photo: within a window, a part that reaches beyond it would push the centre
    away.
    """
    strength = gaussian_filter(np.abs(details), 3)
    weight = np.clip(strength - np.median(strength), 0, None)
    total = float(weight.sum()) + 1e-9
    low, high = _MIDDLE - MAX_CENTRE_OFFSET, _MIDDLE + MAX_CENTRE_OFFSET
    row, column = float((weight * _ROWS).sum()) / total, float((weight * _COLUMNS).sum()) / total
    return float(np.clip(row, low, high)), float(np.clip(column, low, high))
