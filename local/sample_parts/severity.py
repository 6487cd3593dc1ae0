"""The severity of a defect: from barely visible (0) to obvious (1)."""

import numpy as np


def draw_severity(rng: np.random.Generator) -> float:
    """Draw a severity; most defects are clearly visible, a few are not."""
    return float(rng.beta(2.0, 0.8))


def scale_by_severity(least: float, most: float, severity: float) -> float:
    """Interpolate between the values for the lowest and for the highest severity."""
    return least + (most - least) * severity
