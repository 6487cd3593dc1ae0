"""How bad a fault is: from barely visible (0) to obvious (1)."""

import numpy as np


def draw_severity(rng: np.random.Generator) -> float:
    """Most faults are plain to see; a few would make a person look twice."""
    return float(rng.beta(2.0, 0.8))


def between(least: float, most: float, severity: float) -> float:
    """What a fault of this severity measures, given the slightest and the worst."""
    return least + (most - least) * severity
