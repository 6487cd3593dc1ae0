"""The kinds of casting defects."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from local.sample_parts.face_defects import blowholes, crack, inclusion, scratch, shrinkage
from local.sample_parts.rim_defects import burr, chipped_edge, misrun
from local.sample_parts.scene import Scene
from local.sample_parts.severity import draw_severity


class DefectKind(StrEnum):
    """The kind of a part's defect."""

    BLOWHOLES = "blowholes"
    CRACK = "crack"
    SCRATCH = "scratch"
    BURR = "burr"
    SHRINKAGE = "shrinkage"
    INCLUSION = "inclusion"
    CHIPPED_EDGE = "chipped_edge"
    MISRUN = "misrun"


_PAINTERS: dict[DefectKind, Callable[[Scene, float, np.random.Generator], None]] = {
    DefectKind.BLOWHOLES: blowholes,
    DefectKind.CRACK: crack,
    DefectKind.SCRATCH: scratch,
    DefectKind.BURR: burr,
    DefectKind.SHRINKAGE: shrinkage,
    DefectKind.INCLUSION: inclusion,
    DefectKind.CHIPPED_EDGE: chipped_edge,
    DefectKind.MISRUN: misrun,
}


def add_defect(scene: Scene, kind: DefectKind, rng: np.random.Generator) -> None:
    """Add one defect of a random severity."""
    _PAINTERS[kind](scene, draw_severity(rng), rng)
