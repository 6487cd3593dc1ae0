"""The scene in front of the camera: a part on a ground, under one light."""

from dataclasses import dataclass

import numpy as np

from local.sample_parts.products import PartDesign
from local.sample_parts.stencil import SIDE, Layer, Points, rotation_matrix
from local.sample_parts.surface import TURNS, PolarGrid, add_blades, render_ground, render_metal, turn_index


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPose:
    """Position (pixels), size, rotation and tilt of the part in the photo; angles are in radians."""

    centre: Points
    radius: float
    turn: float
    squash: float
    axis: float

    def image(self, points: Points) -> Points:
        """Project points from the part's plane (radius 1, hub at the origin) to pixels."""
        tilted = (points @ rotation_matrix(self.turn - self.axis)) * np.array([1.0, self.squash])
        pixels: Points = self.radius * (tilted @ rotation_matrix(self.axis)) + self.centre
        return pixels

    def polar(self) -> tuple[Layer, Layer]:
        """Return radius and angle of every pixel in the part's plane."""
        span = np.arange(SIDE, dtype=np.float32)
        x, y = span[None, :] - self.centre[0], span[:, None] - self.centre[1]
        cos, sin = np.cos(self.axis), np.sin(self.axis)
        u = ((x * cos + y * sin) / self.radius).astype(np.float32)
        v = ((y * cos - x * sin) / (self.radius * self.squash)).astype(np.float32)
        angle = np.arctan2(v, u) + np.float32(self.axis - self.turn)
        return np.hypot(u, v), angle


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Image layers for marks and defects: the part, its coverage of the ground (0 to 1), the ground."""

    design: PartDesign
    pose: PartPose
    light: float
    face: Layer
    cover: Layer
    ground: Layer

    def render(self) -> Layer:
        """Return the light at the lens."""
        return self.ground + self.cover * (self.face - self.ground)


def direction(angle: float) -> Points:
    """Return the unit vector of an angle (radians) in the part's plane."""
    return np.array([np.cos(angle), np.sin(angle)])


def create_scene(part: PartDesign, rng: np.random.Generator) -> Scene:
    """Create one sound part on the ground."""
    pose = PartPose(
        centre=np.array([SIDE / 2, SIDE / 2]) + rng.normal(0, 4, 2),
        radius=rng.uniform(120, 135),
        turn=rng.uniform(0, 2 * np.pi),
        squash=rng.uniform(0.95, 1.0),
        axis=rng.uniform(0, np.pi),
    )
    light = rng.uniform(0, 2 * np.pi)
    radius, angle = pose.polar()
    grid = PolarGrid(radius, angle, np.cos(angle - np.float32(light)))
    inside = _inside(part, pose, grid, rng)
    cover = np.clip(inside + np.float32(0.5), 0, 1)
    ground = render_ground(grid, (1 - radius) * np.float32(pose.radius), rng)
    face = render_metal(part, grid, inside, rng)
    add_blades(part, face, grid, rng)
    return Scene(design=part, pose=pose, light=light, face=face, cover=cover, ground=ground)


def _inside(part: PartDesign, pose: PartPose, grid: PolarGrid, rng: np.random.Generator) -> Layer:
    """Return the distance (pixels) of each pixel inside the part's outline, which is slightly irregular."""
    turns = np.linspace(0, 2 * np.pi, TURNS, endpoint=False)
    rim = 1 + 0.002 * np.sin(2 * turns + rng.uniform(0, 6)) + 0.0012 * np.sin(7 * turns + rng.uniform(0, 6))
    if part.teeth:
        rim -= part.tooth_depth * np.clip(0.5 + 1.6 * np.cos(part.teeth * turns), 0, 1)
    flank = np.hypot(1, np.gradient(rim, turns))
    at = turn_index(grid.angle)
    return (rim.astype(np.float32)[at] - grid.radius) * (pose.radius / flank).astype(np.float32)[at]
