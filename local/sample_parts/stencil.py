"""Small antialiased masks of marks and defects, which are painted onto an image layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Layer = NDArray[np.float32]
Points = NDArray[np.float64]

SIDE = 300
_FINE = 4


@dataclass(frozen=True, slots=True)
class Stencil:
    """A mask (0 to 1) over one window of the photo."""

    window: tuple[slice, slice]
    mask: Layer

    def paint(self, layer: Layer, tone: float | Layer, strength: float = 1.0) -> None:
        """Blend the layer towards a tone."""
        region = layer[self.window]
        region += np.float32(strength) * self.mask * (tone - region)

    def shade(self, layer: Layer, factor: float | Layer) -> None:
        """Multiply the layer by a factor, weighted by the mask."""
        layer[self.window] *= 1 + self.mask * (factor - np.float32(1))


def polygon(points: Points, soft: float = 0.0) -> Stencil:
    """Return the stencil of a filled outline; `soft` blurs its edge (pixels)."""
    return _rasterize([points], None, soft)


def strokes(lines: Sequence[Points], width: float, soft: float = 0.0) -> Stencil:
    """Return the stencil of lines; `width` is in pixels and may be less than one."""
    return _rasterize(lines, width, soft)


def blob(rng: np.random.Generator, size: float, rough: float = 0.25, stretch: float = 1.0) -> Points:
    """Return an irregular closed outline around the origin, stretched in a random direction."""
    turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    waves = np.arange(2, 7)[:, None]
    swing = rng.normal(0, rough, (5, 1)) / np.sqrt(waves)
    wobble = (swing * np.cos(waves * turns + rng.uniform(0, 6, (5, 1)))).sum(axis=0)
    radii = size * np.clip(1 + wobble, 0.4, 1.8)
    points = np.stack([radii * np.cos(turns) * stretch, radii * np.sin(turns) / stretch], axis=1)
    return points @ rotation_matrix(rng.uniform(0, np.pi))


def rotation_matrix(angle: float) -> Points:
    """Return the matrix that rotates row vectors by an angle (radians)."""
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def noise(rng: np.random.Generator, shape: tuple[int, ...], grain: int) -> Layer:
    """Return smooth random noise, about -1 to 1, with bumps of `grain` pixels."""
    rows, columns = (-(-length // grain) + 1 for length in shape)
    coarse = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC), dtype=np.float32)


def _rasterize(shapes: Sequence[Points], width: float | None, soft: float) -> Stencil:
    margin = 2 + 3 * soft + (width or 0)
    all_points = np.concatenate(shapes)
    low = np.clip(np.floor(all_points.min(axis=0) - margin), 0, SIDE - 1).astype(int)
    high = np.clip(np.ceil(all_points.max(axis=0) + margin), low + 1, SIDE).astype(int)
    canvas = Image.new("L", (int(high[0] - low[0]) * _FINE, int(high[1] - low[1]) * _FINE))
    pen = ImageDraw.Draw(canvas)
    for shape in shapes:
        corners = [(x, y) for x, y in ((shape - low) * _FINE).tolist()]
        if width is None:
            pen.polygon(corners, fill=255)
        else:
            pen.line(corners, fill=255, width=max(1, round(width * _FINE)), joint="curve")
    mask = canvas.reduce(_FINE)
    if soft:
        mask = mask.filter(ImageFilter.GaussianBlur(soft))
    window = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
    return Stencil(window, np.asarray(mask, dtype=np.float32) / np.float32(255))
