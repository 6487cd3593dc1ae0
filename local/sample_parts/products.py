"""The designs of the generated parts; lengths are relative to the part's radius."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class SampleProduct(StrEnum):
    """A product. The values begin the photos' file names."""

    IMPELLER = "impeller"
    FLANGE = "flange"
    GEAR = "gear"


@dataclass(frozen=True, slots=True)
class SurfaceRing:
    """A turned surface that ends at the radius `outer` and begins where the previous ring ends."""

    outer: float
    tone: float
    faced: bool = True


@dataclass(frozen=True, slots=True)
class HeightStep:
    """A change of height: bright on the side that faces the light, dark on the other."""

    radius: float
    width: float
    slope: float


@dataclass(frozen=True, slots=True)
class RoundHole:
    """A round hole through which the ground is visible."""

    radius: float
    angle: float
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDesign:
    """One individual part of a product, with casting tolerances applied."""

    rings: tuple[SurfaceRing, ...]
    steps: tuple[HeightStep, ...]
    holes: tuple[RoundHole, ...]
    blades: int = 0
    teeth: int = 0
    tooth_depth: float = 0.0

    def faces(self) -> list[tuple[float, float]]:
        """Return the bands (inner, outer radius) of machined metal on which a defect can lie."""
        inner = 0.0
        bands = []
        for ring in self.rings:
            if ring.faced:
                bands.append((inner, ring.outer))
            inner = ring.outer
        return bands


def draw_design(product: SampleProduct, rng: np.random.Generator) -> PartDesign:
    """Draw the design of one individual with random proportions."""
    return {SampleProduct.IMPELLER: _impeller, SampleProduct.FLANGE: _flange, SampleProduct.GEAR: _gear}[
        product
    ](rng)


def _impeller(rng: np.random.Generator) -> PartDesign:
    bore, hub, cavity, lip, groove = np.array([0.215, 0.285, 0.545, 0.605, 0.635]) * rng.normal(1, 0.004, 5)
    return PartDesign(
        rings=(
            SurfaceRing(bore, 0.50, faced=False),
            SurfaceRing(hub, 0.90),
            SurfaceRing(cavity, 0.09, faced=False),
            SurfaceRing(lip, 0.95),
            SurfaceRing(groove, 0.62, faced=False),
            SurfaceRing(1.0, 1.0),
        ),
        steps=(
            HeightStep(hub, 0.014, -0.30),
            HeightStep(cavity, 0.012, 0.20),
            HeightStep(groove - 0.012, 0.024, 0.60),
            HeightStep(0.992, 0.012, -0.35),
        ),
        holes=(RoundHole(0.0, 0.0, bore),),
        blades=7,
    )


def _flange(rng: np.random.Generator) -> PartDesign:
    bore, collar, face = np.array([0.33, 0.50, 0.60]) * rng.normal(1, 0.004, 3)
    return PartDesign(
        rings=(
            SurfaceRing(bore, 0.5, faced=False),
            SurfaceRing(collar, 1.0),
            SurfaceRing(face, 0.72),
            SurfaceRing(1.0, 0.9),
        ),
        steps=(
            HeightStep(bore, 0.014, 0.15),
            HeightStep(collar, 0.022, -0.45),
            HeightStep(face, 0.014, 0.18),
            HeightStep(0.985, 0.018, -0.35),
        ),
        holes=(
            RoundHole(0.0, 0.0, bore),
            *(RoundHole(0.79, turn, 0.085) for turn in np.arange(6) * (np.pi / 3)),
        ),
    )


def _gear(rng: np.random.Generator) -> PartDesign:
    bore, hub, web = np.array([0.17, 0.34, 0.70]) * rng.normal(1, 0.004, 3)
    return PartDesign(
        rings=(
            SurfaceRing(bore, 0.5, faced=False),
            SurfaceRing(hub, 0.95),
            SurfaceRing(web, 0.8),
            SurfaceRing(1.0, 0.95),
        ),
        steps=(HeightStep(hub, 0.02, -0.30), HeightStep(web, 0.02, 0.25)),
        holes=(
            RoundHole(0.0, 0.0, bore),
            *(RoundHole(0.52, turn, 0.085) for turn in np.arange(5) * (0.4 * np.pi)),
        ),
        teeth=24,
        tooth_depth=0.035,
    )
