"""Faults of the part's outline: too much metal or too little."""

import numpy as np

from local.sample_parts.scene import Scene, direction
from local.sample_parts.severity import between
from local.sample_parts.stencil import Stencil, blob, noise, polygon


def burr(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Bumps of torn metal that stand out over a stretch of the rim."""
    unit, around = 1 / scene.pose.radius, rng.uniform(0, 2 * np.pi)
    for _ in range(2 + int(rng.poisson(7 * severity))):
        angle = _on_the_rim(scene, around + rng.normal(0, between(0.15, 1.2, severity)))
        height = between(2.6, 6, severity) * rng.uniform(0.7, 1.2)
        ridge = np.linspace(-1, 1, 9)
        heights = height * (1 - ridge**2) * rng.uniform(0.5, 1.3, 9)
        turns = angle + ridge * between(2.5, 8, severity) * rng.uniform(0.6, 1.3) * unit
        outer = (1 + heights * unit)[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        inner = 0.985 * np.stack([np.cos(turns), np.sin(turns)], axis=1)[::-1]
        bump = polygon(scene.pose.image(np.concatenate([outer, inner])))
        fresh = scene.cover[bump.window] < 0.5
        tone = 0.3 + 0.45 * noise(rng, bump.mask.shape, 2)
        bump.paint(scene.face, np.where(fresh, tone, scene.face[bump.window] * 0.8).astype(np.float32))
        bump.paint(scene.cover, 1.0)


def chipped_edge(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """A piece broken out, with a crystalline break around the gap."""
    unit, angle = 1 / scene.pose.radius, _on_the_rim(scene, rng.uniform(0, 2 * np.pi))
    depth = between(2.4, 8, severity)
    bite = blob(rng, depth * unit, 0.3, rng.uniform(1, 1.3)) + direction(angle)
    broken = polygon(scene.pose.image(bite + (bite - direction(angle)) * 0.45))
    crystals = noise(rng, broken.mask.shape, 2)
    broken.paint(scene.face, 0.42 + np.float32(0.3) * crystals, between(0.5, 0.95, severity))
    _break_off(scene, polygon(scene.pose.image(bite)), between(0.7, 0.3, severity))


def misrun(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """A bay the metal never filled, with a rounded, dull shore."""
    unit, angle = 1 / scene.pose.radius, _on_the_rim(scene, rng.uniform(0, 2 * np.pi))
    depth = between(3, 13, severity) * unit + 0.8 * scene.design.tooth_depth
    half = between(14, 36, severity) * unit
    along = np.linspace(-1, 1, 17)
    sag = depth * (1 + np.cos(np.pi * along)) / 2 * rng.uniform(0.9, 1.1, 17)
    turns = angle + along * half
    shore = (1 - sag)[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    beyond = 1.06 * np.stack([np.cos(turns), np.sin(turns)], axis=1)[::-1]
    rounded = shore * (1 - 3.0 * unit)
    polygon(scene.pose.image(np.concatenate([rounded, beyond])), soft=1.0).shade(
        scene.face, between(0.75, 0.3, severity)
    )
    gap = polygon(scene.pose.image(np.concatenate([shore, beyond])))
    _break_off(scene, gap, between(0.8, 0.4, severity))


def _on_the_rim(scene: Scene, angle: float) -> float:
    """The nearest angle at which there is metal at the rim: on a tooth if the part has teeth."""
    teeth = scene.design.teeth
    if not teeth:
        return angle
    return float((2 * np.floor(angle * teeth / (2 * np.pi)) + 1) * np.pi / teeth)


def _break_off(scene: Scene, gap: Stencil, shadow: float) -> None:
    """Take metal away at the rim; the ground that appears lies in the part's shadow."""
    gap.shade(scene.ground, 1 - np.float32(1 - shadow) * scene.cover[gap.window])
    gap.paint(scene.cover, 0.0)
