"""Surfaces: turned metal, dark vanes, the table below."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.sample_parts.products import PartDesign
from local.sample_parts.stencil import SIDE, Layer, noise

TURNS = 2048
_RADII = 2048


@dataclass(frozen=True, slots=True)
class PolarGrid:
    """Radius, angle (radians) and cosine to the light of every pixel in the part's plane."""

    radius: Layer
    angle: Layer
    facing: Layer


def turn_index(angle: Layer) -> NDArray[np.int32]:
    """Return the index of an angle (radians) in a table of one full turn."""
    return (angle * np.float32(TURNS / (2 * np.pi))).astype(np.int32) & (TURNS - 1)


def render_ground(grid: PolarGrid, inside: Layer, rng: np.random.Generator) -> Layer:
    """Render a light table with a gradient, and the part's contact shadow away from the light."""
    tone = rng.uniform(0.60, 0.70)
    slope = rng.normal(0, 0.04)
    table = np.float32(tone) + np.float32(slope) * grid.facing * grid.radius
    table += np.float32(0.012) * noise(rng, (SIDE, SIDE), 40)
    reach = np.float32(rng.uniform(5, 14)) * (np.float32(1.15) - grid.facing)
    depth = np.float32(rng.uniform(0.45, 0.65))
    outside = np.maximum(-inside, 0)
    shadow = depth * np.exp(-outside / reach)
    lit: Layer = table * (1 - shadow)
    return lit


def render_metal(part: PartDesign, grid: PolarGrid, inside: Layer, rng: np.random.Generator) -> Layer:
    """Render turned rings: tone and slope by radius, sheen by angle, grain everywhere."""
    tone, slope, turned = _profile(part, rng)
    at = np.minimum((grid.radius * np.float32(_RADII / 1.25)).astype(np.int32), _RADII - 1)
    sheen = _sheen(rng)[turn_index(grid.angle)]
    mottle = np.float32(rng.uniform(0.008, 0.02)) * noise(rng, (SIDE, SIDE), int(rng.integers(14, 34)))
    grain = np.float32(rng.uniform(0.012, 0.016)) * rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    tones = tone[at]
    face = tones * (1 + sheen + (np.float32(0.35) + 4 * np.abs(sheen)) * turned[at] + mottle + grain)
    relief = slope[at] * grid.facing
    face += np.where(relief > 0, np.float32(0.45) * relief, relief)
    edge = np.clip(1 - inside / np.float32(2.2), 0, 1)
    edged: Layer = face * (1 - edge * (np.float32(0.35) - np.float32(0.25) * grid.facing))
    return edged


def _profile(part: PartDesign, rng: np.random.Generator) -> tuple[Layer, Layer, Layer]:
    """Return tone, slope and turning marks by radius."""
    radii = np.arange(_RADII) * (1.25 / _RADII)
    outer = np.array([ring.outer for ring in part.rings])
    tones = np.array([ring.tone for ring in part.rings]) * rng.uniform(0.72, 0.80)
    tone = tones[np.minimum(np.searchsorted(outer, radii), len(tones) - 1)]
    kernel = np.ones(11) / 11
    tone = np.convolve(np.pad(tone, 5, mode="edge"), kernel, mode="valid")
    slope = np.zeros(_RADII)
    for step in part.steps:
        strength = step.slope * rng.uniform(0.95, 1.05)
        slope += strength * np.exp(-(((radii - step.radius) / (0.6 * step.width)) ** 2))
    marks = np.convolve(rng.standard_normal(_RADII + 16), np.ones(17) / 17, mode="valid")
    turned = marks * rng.uniform(0.05, 0.09)
    return tone.astype(np.float32), (slope * 0.8).astype(np.float32), turned.astype(np.float32)


def _sheen(rng: np.random.Generator) -> Layer:
    """Return bright and dull sectors by angle, as lamps cause them on turned metal, in opposite pairs."""
    turns = np.linspace(0, 2 * np.pi, TURNS, endpoint=False)
    sheen = np.zeros(TURNS)
    for _ in range(int(rng.integers(2, 5))):
        middle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.6)
        away = np.abs((turns - middle + np.pi) % (2 * np.pi) - np.pi)
        cut = rng.choice([2, 3, 8])
        lobe = 1 / (1 + (away / width) ** cut) + rng.uniform(0.3, 0.9) / (1 + ((np.pi - away) / width) ** cut)
        sheen += rng.uniform(-0.14, 0.12) * lobe
    return sheen.astype(np.float32)


def add_blades(part: PartDesign, face: Layer, grid: PolarGrid, rng: np.random.Generator) -> None:
    """Add curved vanes, faintly visible in the cavity, each with its own brightness."""
    if not part.blades:
        return
    inner, outer = part.rings[1].outer, part.rings[2].outer
    swirl = rng.uniform(3.9, 4.1)
    phase = np.arange(TURNS) * (part.blades / TURNS)
    ridge = np.exp(-rng.uniform(6, 7.5) * (phase % 1)) + 0.5 * np.exp(-25 * (1 - phase % 1))
    ridge *= rng.uniform(0.4, 1.0, part.blades)[phase.astype(int)]
    vanes = ridge.astype(np.float32)[turn_index(grid.angle + np.float32(swirl) * grid.radius)]
    zone = np.clip(
        (np.float32(outer) - grid.radius) * (grid.radius - np.float32(inner)) * np.float32(80), 0, 1
    )
    rough = 1 + np.float32(0.35) * noise(rng, (SIDE, SIDE), 5)
    lit = np.float32(0.65) - np.float32(0.45) * grid.facing
    face += np.float32(rng.uniform(0.12, 0.17)) * zone * vanes * lit * rough
