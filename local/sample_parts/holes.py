"""Bores, bolt holes and windows."""

import numpy as np

from local.sample_parts.scene import Scene, direction


def cut_holes(scene: Scene, rng: np.random.Generator) -> None:
    """Cut the holes after all marks and defects, so that none of them lies in a hole.

    Each hole shows the ground and a crescent of its wall, because the camera is never exactly centred.
    """
    pose, lean = scene.pose, rng.normal(0, 0.07, 2)
    floor = float(rng.uniform(0.52, 0.64))
    steep = rng.uniform(0.10, 0.18)
    for hole in scene.design.holes:
        here = direction(hole.angle) * hole.radius
        centre = pose.image(here)
        reach = int(np.ceil(hole.size * pose.radius)) + 2
        left, top = (round(float(c)) - reach for c in centre)
        window = (slice(top, top + 2 * reach + 1), slice(left, left + 2 * reach + 1))
        span = np.arange(2 * reach + 1, dtype=np.float32)
        x = ((span[None, :] + left - centre[0]) / (hole.size * pose.radius)).astype(np.float32)
        y = ((span[:, None] + top - centre[1]) / (hole.size * pose.radius)).astype(np.float32)
        sharp = np.float32(hole.size * pose.radius)
        opening = np.clip((np.float32(0.985) - np.hypot(x, y)) * sharp + np.float32(0.5), 0, 1)
        seen = np.hypot(x - np.float32(lean[0]), y - np.float32(lean[1]))
        below = np.clip((np.float32(0.93) - seen) * sharp * np.float32(0.6) + np.float32(0.5), 0, 1)
        lit = x * np.float32(np.cos(scene.light)) + y * np.float32(np.sin(scene.light))
        wall = np.float32(0.22) - np.float32(0.16) * lit
        table = np.float32(floor) + np.float32(steep) * lit - np.float32(0.12) * seen * seen
        inner = wall + below * (table - wall)
        region = scene.face[window]
        region += opening * (inner - region)
