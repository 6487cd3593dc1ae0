"""Defects of the part's outline: too much or too little metal."""

import numpy as np

from local.sample_parts.scene import Scene, direction
from local.sample_parts.severity import scale_by_severity
from local.sample_parts.stencil import Stencil, blob, noise, polygon


def burr(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add bumps of torn metal along a section of the rim."""
    unit, around = 1 / scene.pose.radius, rng.uniform(0, 2 * np.pi)
    for _ in range(2 + int(rng.poisson(7 * severity))):
        angle = _nearest_rim_angle(scene, around + rng.normal(0, scale_by_severity(0.15, 1.2, severity)))
        height = scale_by_severity(2.6, 6, severity) * rng.uniform(0.7, 1.2)
        ridge = np.linspace(-1, 1, 9)
        heights = height * (1 - ridge**2) * rng.uniform(0.5, 1.3, 9)
        turns = angle + ridge * scale_by_severity(2.5, 8, severity) * rng.uniform(0.6, 1.3) * unit
        outer = (1 + heights * unit)[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        inner = 0.985 * np.stack([np.cos(turns), np.sin(turns)], axis=1)[::-1]
        bump = polygon(scene.pose.image(np.concatenate([outer, inner])))
        fresh = scene.cover[bump.window] < 0.5
        tone = 0.3 + 0.45 * noise(rng, bump.mask.shape, 2)
        bump.paint(scene.face, np.where(fresh, tone, scene.face[bump.window] * 0.8).astype(np.float32))
        bump.paint(scene.cover, 1.0)


def chipped_edge(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Break out a piece, with a crystalline fracture around the gap."""
    unit, angle = 1 / scene.pose.radius, _nearest_rim_angle(scene, rng.uniform(0, 2 * np.pi))
    depth = scale_by_severity(2.4, 8, severity)
    bite = blob(rng, depth * unit, 0.3, rng.uniform(1, 1.3)) + direction(angle)
    broken = polygon(scene.pose.image(bite + (bite - direction(angle)) * 0.45))
    crystals = noise(rng, broken.mask.shape, 2)
    broken.paint(scene.face, 0.42 + np.float32(0.3) * crystals, scale_by_severity(0.5, 0.95, severity))
    _remove_metal(scene, polygon(scene.pose.image(bite)), scale_by_severity(0.7, 0.3, severity))


def misrun(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Leave an area unfilled, with a rounded, dull edge."""
    unit, angle = 1 / scene.pose.radius, _nearest_rim_angle(scene, rng.uniform(0, 2 * np.pi))
    depth = scale_by_severity(3, 13, severity) * unit + 0.8 * scene.design.tooth_depth
    half = scale_by_severity(14, 36, severity) * unit
    along = np.linspace(-1, 1, 17)
    sag = depth * (1 + np.cos(np.pi * along)) / 2 * rng.uniform(0.9, 1.1, 17)
    turns = angle + along * half
    edge = (1 - sag)[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    beyond = 1.06 * np.stack([np.cos(turns), np.sin(turns)], axis=1)[::-1]
    rounded = edge * (1 - 3.0 * unit)
    polygon(scene.pose.image(np.concatenate([rounded, beyond])), soft=1.0).shade(
        scene.face, scale_by_severity(0.75, 0.3, severity)
    )
    gap = polygon(scene.pose.image(np.concatenate([edge, beyond])))
    _remove_metal(scene, gap, scale_by_severity(0.8, 0.4, severity))


def _nearest_rim_angle(scene: Scene, angle: float) -> float:
    """Return the nearest angle with metal at the rim: on a tooth if the part has teeth."""
    teeth = scene.design.teeth
    if not teeth:
        return angle
    return float((2 * np.floor(angle * teeth / (2 * np.pi)) + 1) * np.pi / teeth)


def _remove_metal(scene: Scene, gap: Stencil, shadow: float) -> None:
    """Remove metal at the rim; the ground there lies in the part's shadow."""
    gap.shade(scene.ground, 1 - np.float32(1 - shadow) * scene.cover[gap.window])
    gap.paint(scene.cover, 0.0)
