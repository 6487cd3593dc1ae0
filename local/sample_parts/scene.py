"""The scene before the camera: a part lying on a ground, under one light."""

from dataclasses import dataclass

import numpy as np

from local.sample_parts.products import Design
from local.sample_parts.stencil import SIDE, Array, Points, rotation
from local.sample_parts.surface import TURNS, add_blades, ground, metal, turn_index


@dataclass(frozen=True, slots=True)
class Pose:
    """How the part lies in the frame: where, how large, how turned, how tilted."""

    centre: Points
    radius: float
    turn: float
    squash: float
    axis: float

    def image(self, points: Points) -> Points:
        """From the part's own plane (radius 1, hub at the origin) to pixels."""
        leaned = (points @ rotation(self.turn - self.axis)) * np.array([1.0, self.squash])
        placed: Points = self.radius * (leaned @ rotation(self.axis)) + self.centre
        return placed

    def polar(self) -> tuple[Array, Array]:
        """Radius and angle, in the part's own plane, of every pixel."""
        span = np.arange(SIDE, dtype=np.float32)
        x, y = span[None, :] - self.centre[0], span[:, None] - self.centre[1]
        cos, sin = np.cos(self.axis), np.sin(self.axis)
        u = ((x * cos + y * sin) / self.radius).astype(np.float32)
        v = ((y * cos - x * sin) / (self.radius * self.squash)).astype(np.float32)
        angle = np.arctan2(v, u) + np.float32(self.axis - self.turn)
        return np.hypot(u, v), angle


@dataclass(frozen=True, slots=True)
class Scene:
    """Layers that marks and faults are painted on: the part, how far it covers the ground, the ground."""

    design: Design
    pose: Pose
    light: float
    face: Array
    cover: Array
    ground: Array

    def seen(self) -> Array:
        """What reaches the lens."""
        return self.ground + self.cover * (self.face - self.ground)


def direction(angle: float) -> Points:
    """One radius from the hub, in the part's own plane."""
    return np.array([np.cos(angle), np.sin(angle)])


def lay_out(part: Design, rng: np.random.Generator) -> Scene:
    """Cast one part without a fault and lay it on the ground."""
    pose = Pose(
        centre=np.array([SIDE / 2, SIDE / 2]) + rng.normal(0, 4, 2),
        radius=rng.uniform(120, 135),
        turn=rng.uniform(0, 2 * np.pi),
        squash=rng.uniform(0.95, 1.0),
        axis=rng.uniform(0, np.pi),
    )
    light = rng.uniform(0, 2 * np.pi)
    radius, angle = pose.polar()
    facing = np.cos(angle - np.float32(light))
    inside = _inside(part, pose, radius, angle, rng)
    cover = np.clip(inside + np.float32(0.5), 0, 1)
    below = ground(radius, facing, (1 - radius) * np.float32(pose.radius), rng)
    face = metal(part, radius, angle, facing, inside, rng)
    add_blades(part, face, radius, angle, facing, rng)
    return Scene(part, pose, light, face, cover, below)


def _inside(part: Design, pose: Pose, radius: Array, angle: Array, rng: np.random.Generator) -> Array:
    """How many pixels each point lies inside the part's outline: as cast, so never quite round."""
    turns = np.linspace(0, 2 * np.pi, TURNS, endpoint=False)
    rim = 1 + 0.002 * np.sin(2 * turns + rng.uniform(0, 6)) + 0.0012 * np.sin(7 * turns + rng.uniform(0, 6))
    if part.teeth:
        rim -= part.tooth_depth * np.clip(0.5 + 1.6 * np.cos(part.teeth * turns), 0, 1)
    flank = np.hypot(1, np.gradient(rim, turns))
    at = turn_index(angle)
    return (rim.astype(np.float32)[at] - radius) * (pose.radius / flank).astype(np.float32)[at]
