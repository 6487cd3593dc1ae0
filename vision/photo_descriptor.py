"""The photo descriptor: about 100 numbers that describe how a photo looks, independent of the product.

The numbers describe light and colour, fineness, place and spread of the details, the rings around their
centre, which stay if a part is turned, and the layout. All are on the scale of about one.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 96
LAYOUT_SIDE = 8
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
SPECTRUM_BANDS = 4
RINGS = 16
OUTERMOST_RING = 0.55

_SMALLEST = 1e-6
_WINDOW = np.outer(np.hanning(SIDE), np.hanning(SIDE)).astype(np.float32)
_FREQUENCY = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
_BAND = np.digitize(_FREQUENCY, np.geomspace(0.03, 0.5, SPECTRUM_BANDS + 1)) - 1
_POSITION = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)

Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]


def describe_photo(picture: Image.Image) -> tuple[float, ...]:
    """Return the descriptor of a decoded photo (8 bits, grey or RGB), in single precision."""
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    grey = _plane(small.convert("L"))
    width, height = picture.size
    details = np.hypot(*np.gradient(grey))
    places = _moments(details)
    parts = (
        np.percentile(grey, QUANTILES),
        [float(grey.std())],
        _colours(small),
        _spectrum(grey),
        places,
        _moments(np.abs(grey - _border_median(grey))),
        _rings(grey, centre=(places[0], places[2])),
        [np.log(width / height), np.log(width * height) / 4],
        grey.reshape(LAYOUT_SIDE, SIDE // LAYOUT_SIDE, LAYOUT_SIDE, -1).mean(axis=(1, 3)).ravel(),
    )
    return tuple(np.concatenate(parts).astype(np.float32).tolist())


def _plane(image: Image.Image) -> Plane:
    values: Plane = np.asarray(image, dtype=np.float32) / np.float32(255)
    return values


def _colours(picture: Image.Image) -> Numbers:
    """Return mean and deviation of the saturation, and the means of two opponent channels."""
    if picture.mode == "L":
        return np.zeros(4)
    red, green, blue = np.moveaxis(_plane(picture), 2, 0)
    saturation = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    opponents = (red - green).mean(), ((red + green) / 2 - blue).mean()
    return np.array([saturation.mean(), saturation.std(), *opponents])


def _spectrum(grey: Plane) -> Numbers:
    """Return the logarithm of the mean power in each band of frequencies."""
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * _WINDOW)) ** 2
    inside = (_BAND >= 0) & (_BAND < SPECTRUM_BANDS)
    bands = _BAND[inside]
    means = np.bincount(bands, power[inside], SPECTRUM_BANDS) / np.bincount(bands, None, SPECTRUM_BANDS)
    return np.log10(means + _SMALLEST)


def _border_median(grey: Plane) -> float:
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _rings(grey: Plane, centre: tuple[float, float]) -> Numbers:
    """Return the mean grey value of each ring around a centre (row, column; from −0.5 to 0.5)."""
    radii = np.hypot(_POSITION[:, None] - np.float32(centre[0]), _POSITION[None] - np.float32(centre[1]))
    rings = np.minimum((radii * (RINGS / OUTERMOST_RING)).astype(np.intp), RINGS).ravel()
    counts = np.maximum(np.bincount(rings, minlength=RINGS + 1), 1)
    means: Numbers = np.bincount(rings, grey.ravel(), RINGS + 1) / counts
    return means[:RINGS]


def _moments(weights: Plane) -> Numbers:
    """Return centre and spread along the rows' and along the columns' direction, in shares of the sides."""
    total = float(weights.sum()) + 1e-3
    moments = []
    for axis in (1, 0):
        profile = weights.sum(axis=axis) / total
        centre = float(profile @ _POSITION)
        moments += [centre, float(profile @ (_POSITION - centre) ** 2) ** 0.5]
    return np.array(moments)
