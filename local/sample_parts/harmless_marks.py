"""Harmless marks of sound parts: dust, stains, tool marks, light spots, hairlines."""

import numpy as np

from local.sample_parts.scene import Scene
from local.sample_parts.stencil import Points, blob, polygon, strokes


def add_harmless_marks(scene: Scene, rng: np.random.Generator) -> None:
    """Add the harmless marks of casting, turning and handling."""
    for _ in range(int(rng.integers(0, 4))):
        _stain(scene, rng)
    for _ in range(int(rng.integers(1, 5))):
        _tool_mark(scene, rng)
    for _ in range(int(rng.integers(0, 3))):
        _light_spot(scene, rng)
    for _ in range(int(rng.integers(0, 3))):
        _hairline(scene, rng)
    for _ in range(int(rng.integers(2, 12))):
        _dust(scene, rng)


def _random_point(rng: np.random.Generator) -> Points:
    radius, angle = np.sqrt(rng.uniform(0.3, 0.97)), rng.uniform(0, 2 * np.pi)
    return np.array([radius * np.cos(angle), radius * np.sin(angle)])


def _stain(scene: Scene, rng: np.random.Generator) -> None:
    spot = blob(rng, rng.uniform(6, 26) / scene.pose.radius, stretch=rng.uniform(1, 1.5))
    mark = polygon(scene.pose.image(_random_point(rng) + spot), soft=rng.uniform(2, 6))
    mark.shade(scene.face, 1 + rng.choice([-1, 1]) * rng.uniform(0.02, 0.09))


def _tool_mark(scene: Scene, rng: np.random.Generator) -> None:
    radius, start = rng.uniform(0.65, 0.97), rng.uniform(0, 2 * np.pi)
    turns = start + np.linspace(0, rng.uniform(0.15, 0.9), 16)
    arc = radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    mark = strokes([scene.pose.image(arc)], rng.uniform(0.4, 1.0))
    mark.shade(scene.face, 1 + rng.choice([-1, 1]) * rng.uniform(0.03, 0.10))


def _light_spot(scene: Scene, rng: np.random.Generator) -> None:
    spot = blob(rng, rng.uniform(1.2, 4) / scene.pose.radius, stretch=rng.uniform(1, 2))
    mark = polygon(scene.pose.image(_random_point(rng) + spot), soft=rng.uniform(0.8, 2))
    mark.shade(scene.face, 1 + rng.uniform(0.05, 0.16))


def _hairline(scene: Scene, rng: np.random.Generator) -> None:
    start, along = _random_point(rng), rng.uniform(0, 2 * np.pi)
    length = rng.uniform(6, 22) / scene.pose.radius
    end = start + length * np.array([np.cos(along), np.sin(along)])
    mark = strokes([scene.pose.image(np.stack([start, end]))], rng.uniform(0.3, 0.7))
    mark.shade(scene.face, 1 + rng.choice([-1, 1]) * rng.uniform(0.04, 0.11))


def _dust(scene: Scene, rng: np.random.Generator) -> None:
    speck = polygon(
        scene.pose.image(_random_point(rng) + blob(rng, rng.uniform(0.5, 1.1) / scene.pose.radius))
    )
    factor = 1 + rng.choice([-1, 1]) * rng.uniform(0.05, 0.18)
    speck.shade(scene.face, factor)
    speck.shade(scene.ground, factor)
