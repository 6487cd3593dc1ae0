"""The faults a foundry knows."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from local.sample_parts.face_faults import blowholes, crack, inclusion, scratch, shrinkage
from local.sample_parts.rim_faults import burr, chipped_edge, misrun
from local.sample_parts.scene import Scene
from local.sample_parts.severity import draw_severity


class Fault(StrEnum):
    """What is wrong with a defective part."""

    BLOWHOLES = "blowholes"
    CRACK = "crack"
    SCRATCH = "scratch"
    BURR = "burr"
    SHRINKAGE = "shrinkage"
    INCLUSION = "inclusion"
    CHIPPED_EDGE = "chipped_edge"
    MISRUN = "misrun"


_PAINTERS: dict[Fault, Callable[[Scene, float, np.random.Generator], None]] = {
    Fault.BLOWHOLES: blowholes,
    Fault.CRACK: crack,
    Fault.SCRATCH: scratch,
    Fault.BURR: burr,
    Fault.SHRINKAGE: shrinkage,
    Fault.INCLUSION: inclusion,
    Fault.CHIPPED_EDGE: chipped_edge,
    Fault.MISRUN: misrun,
}


def spoil(scene: Scene, fault: Fault, rng: np.random.Generator) -> None:
    """Give the part one fault of a random severity."""
    _PAINTERS[fault](scene, draw_severity(rng), rng)
