"""Defects on the machined faces."""

import numpy as np

from local.sample_parts.scene import Scene, direction
from local.sample_parts.severity import scale_by_severity
from local.sample_parts.stencil import Points, blob, noise, polygon, rotation_matrix, strokes


def blowholes(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a cluster of dark pits, each with a bright lip."""
    unit, middle = 1 / scene.pose.radius, _random_face_point(scene, rng)
    lip = -0.6 * unit * direction(scene.light)
    for _ in range(1 + int(rng.poisson(6 * severity))):
        centre = middle + rng.normal(0, scale_by_severity(3, 9, severity), 2) * unit
        pit = centre + blob(rng, scale_by_severity(1.2, 3.2, severity) * rng.uniform(0.6, 1.2) * unit, 0.12)
        polygon(scene.pose.image(pit + lip)).shade(scene.face, scale_by_severity(1.06, 1.3, severity))
        polygon(scene.pose.image(pit)).shade(scene.face, scale_by_severity(0.5, 0.12, severity))


def crack(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a dark, irregular line, sometimes with a branch."""
    unit = 1 / scene.pose.radius
    main = _random_walk(rng, _random_face_point(scene, rng), scale_by_severity(20, 64, severity) * unit, 0.45)
    lines = [main]
    if rng.random() < severity:
        branch = _random_walk(rng, main[5], scale_by_severity(5, 18, severity) * unit, 0.45)
        lines.append(branch - branch[0] + main[5])
    mark = strokes([scene.pose.image(line) for line in lines], scale_by_severity(1.0, 2.4, severity))
    mark.shade(scene.face, scale_by_severity(0.5, 0.05, severity))


def scratch(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add straight furrows with a bright and a dark flank, which cross the tool marks."""
    unit, middle = 1 / scene.pose.radius, _random_face_point(scene, rng)
    across = np.arctan2(middle[1], middle[0]) + rng.uniform(-1.0, 1.0)
    half = 0.5 * scale_by_severity(36, 80, severity) * unit
    bend = rng.normal(0, 0.06) * half
    along = np.linspace(-1, 1, 8)
    line = np.stack([along * half, bend * (1 - along**2)], axis=1) @ rotation_matrix(float(across))
    count = 1 + int(rng.poisson(2.0 * severity))
    lines = [middle + line * rng.uniform(0.4, 1) + rng.normal(0, 3, 2) * unit * n for n in range(count)]
    width = scale_by_severity(1.4, 2.2, severity)
    flank = 0.8 * unit * direction(scene.light)
    strokes([scene.pose.image(line + flank) for line in lines], width).shade(
        scene.face, scale_by_severity(0.5, 0.12, severity)
    )
    strokes([scene.pose.image(line) for line in lines], width).shade(
        scene.face, scale_by_severity(1.2, 1.7, severity)
    )


def shrinkage(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a dull, porous dent."""
    unit, middle = 1 / scene.pose.radius, _random_face_point(scene, rng)
    size = scale_by_severity(8, 16, severity)
    region = blob(rng, size * unit, 0.18, rng.uniform(1, 1.4))
    dent = polygon(scene.pose.image(middle + region), soft=1.5)
    rough = noise(rng, dent.mask.shape, 2)
    dull = scale_by_severity(0.74, 0.5, severity) + np.float32(scale_by_severity(0.10, 0.2, severity)) * rough
    dent.shade(scene.face, dull)
    rim = (middle + region) - 1.2 * unit * direction(scene.light)
    edge = polygon(scene.pose.image(rim), soft=1.0)
    core = polygon(scene.pose.image(middle + region * 0.85), soft=1.0)
    edge.shade(scene.face, scale_by_severity(1.02, 1.1, severity))
    core.shade(scene.face, scale_by_severity(0.97, 0.85, severity))


def inclusion(scene: Scene, severity: float, rng: np.random.Generator) -> None:
    """Add a grain of slag or sand in the metal."""
    unit, middle = 1 / scene.pose.radius, _random_face_point(scene, rng)
    grain = blob(rng, scale_by_severity(2.6, 6.5, severity) * unit, 0.12, rng.uniform(1, 1.4))
    polygon(scene.pose.image(middle + grain * 1.15)).shade(scene.face, scale_by_severity(0.6, 0.3, severity))
    body = polygon(scene.pose.image(middle + grain * 0.85))
    foreign_tone = rng.choice([0.34, 0.98])
    speckle = noise(rng, body.mask.shape, 2)
    body.paint(scene.face, foreign_tone + np.float32(0.08) * speckle, scale_by_severity(0.4, 1, severity))


def _random_face_point(scene: Scene, rng: np.random.Generator) -> Points:
    """Return a random point on a face, away from the holes."""
    bands = np.array(scene.design.faces())
    areas = bands[:, 1] ** 2 - bands[:, 0] ** 2
    while True:
        inner, outer = rng.choice(bands, p=areas / areas.sum())
        inset = 0.12 * (outer - inner)
        radius = rng.uniform(inner + inset, outer - inset - scene.design.tooth_depth * (outer > 0.99))
        point: Points = direction(rng.uniform(0, 2 * np.pi)) * radius
        holes = (
            np.hypot(*(point - direction(hole.angle) * hole.radius)) > hole.size + 0.05
            for hole in scene.design.holes
            if hole.radius
        )
        if all(holes):
            return point


def _random_walk(rng: np.random.Generator, start: Points, length: float, wander: float) -> Points:
    steps = 12
    drift = np.cumsum(rng.normal(0, 0.5 * wander, steps)) + rng.normal(0, wander, steps)
    headings = rng.uniform(0, 2 * np.pi) + drift
    moves = (length / steps) * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    path: Points = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)])
    path += start - path.mean(axis=0)
    return path
