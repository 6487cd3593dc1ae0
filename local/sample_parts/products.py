"""The part designs the generator can cast, as proportions of the part's radius."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Product(StrEnum):
    """What is cast. The values begin the photos' file names."""

    IMPELLER = "impeller"
    FLANGE = "flange"
    GEAR = "gear"


@dataclass(frozen=True, slots=True)
class Ring:
    """A turned surface that reaches out to `outer`; the ring before it ends where this one begins."""

    outer: float
    tone: float
    faced: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A change of height: lit on the side that faces the light, in shadow on the other."""

    radius: float
    width: float
    slope: float


@dataclass(frozen=True, slots=True)
class Hole:
    """A round opening through which the ground is seen."""

    radius: float
    angle: float
    size: float


@dataclass(frozen=True, slots=True)
class Design:
    """One individual part of a product, with the foundry's tolerances already in its numbers."""

    rings: tuple[Ring, ...]
    steps: tuple[Step, ...]
    holes: tuple[Hole, ...]
    blades: int = 0
    teeth: int = 0
    tooth_depth: float = 0.0

    def faces(self) -> list[tuple[float, float]]:
        """The bands (inner, outer) of bare metal on which a fault can lie."""
        inner = 0.0
        bands = []
        for ring in self.rings:
            if ring.faced:
                bands.append((inner, ring.outer))
            inner = ring.outer
        return bands


def design(product: Product, rng: np.random.Generator) -> Design:
    """Draw one individual: no two parts have quite the same proportions."""
    return {Product.IMPELLER: _impeller, Product.FLANGE: _flange, Product.GEAR: _gear}[product](rng)


def _impeller(rng: np.random.Generator) -> Design:
    bore, hub, cavity, lip, groove = np.array([0.215, 0.285, 0.545, 0.605, 0.635]) * rng.normal(1, 0.004, 5)
    return Design(
        rings=(
            Ring(bore, 0.50, faced=False),
            Ring(hub, 0.90),
            Ring(cavity, 0.09, faced=False),
            Ring(lip, 0.95),
            Ring(groove, 0.62, faced=False),
            Ring(1.0, 1.0),
        ),
        steps=(
            Step(hub, 0.014, -0.30),
            Step(cavity, 0.012, 0.20),
            Step(groove - 0.012, 0.024, 0.60),
            Step(0.992, 0.012, -0.35),
        ),
        holes=(Hole(0.0, 0.0, bore),),
        blades=7,
    )


def _flange(rng: np.random.Generator) -> Design:
    bore, collar, face = np.array([0.33, 0.50, 0.60]) * rng.normal(1, 0.004, 3)
    return Design(
        rings=(Ring(bore, 0.5, faced=False), Ring(collar, 1.0), Ring(face, 0.72), Ring(1.0, 0.9)),
        steps=(
            Step(bore, 0.014, 0.15),
            Step(collar, 0.022, -0.45),
            Step(face, 0.014, 0.18),
            Step(0.985, 0.018, -0.35),
        ),
        holes=(
            Hole(0.0, 0.0, bore),
            *(Hole(0.79, turn, 0.085) for turn in np.arange(6) * (np.pi / 3)),
        ),
    )


def _gear(rng: np.random.Generator) -> Design:
    bore, hub, web = np.array([0.17, 0.34, 0.70]) * rng.normal(1, 0.004, 3)
    return Design(
        rings=(Ring(bore, 0.5, faced=False), Ring(hub, 0.95), Ring(web, 0.8), Ring(1.0, 0.95)),
        steps=(Step(hub, 0.02, -0.30), Step(web, 0.02, 0.25)),
        holes=(
            Hole(0.0, 0.0, bore),
            *(Hole(0.52, turn, 0.085) for turn in np.arange(5) * (0.4 * np.pi)),
        ),
        teeth=24,
        tooth_depth=0.035,
    )
