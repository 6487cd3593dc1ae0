"""Photos of cast parts that never existed, sound or faulty, the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from local.sample_parts.camera import expose, jpeg
from local.sample_parts.faults import Fault, spoil
from local.sample_parts.holes import drill
from local.sample_parts.marks import leave_marks
from local.sample_parts.products import Product, design
from local.sample_parts.scene import lay_out

__all__ = ["Fault", "Product", "SamplePart", "jpeg", "photo", "sample_parts"]


@dataclass(frozen=True, slots=True)
class SamplePart:
    """One photographed part. Its name says nothing of its label, as on a real line."""

    name: str
    label: Literal["ok", "defect"]
    fault: Fault | None
    content: bytes


def photo(seed: int, fault: Fault | None = None, product: Product = Product.IMPELLER) -> Image.Image:
    """Photograph the part with this seed; with a fault it is the same part and the same shot, spoilt."""
    casting, handling, harm, drilling, shot = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(5)
    )
    scene = lay_out(design(product, casting), casting)
    leave_marks(scene, handling)
    if fault is not None:
        spoil(scene, fault, harm)
    drill(scene, drilling)
    return expose(scene.seen(), shot)


def sample_parts(
    count: int, seed: int, defect_share: float = 0.5, product: Product = Product.IMPELLER
) -> Iterator[SamplePart]:
    """Yield parts in random order, every fault in turn; two seeds never share a part."""
    if not 0.0 <= defect_share <= 1.0:
        raise ValueError(f"defect share {defect_share!r} is outside 0..1")
    kinds = list(Fault)
    faults: list[Fault | None] = [None] * count
    rng = np.random.default_rng(seed)
    for turn, place in enumerate(rng.permutation(count)[: round(count * defect_share)]):
        faults[place] = kinds[turn % len(kinds)]
    for place, fault in enumerate(faults):
        part_seed = seed * 2**32 + place
        yield SamplePart(
            name=f"{product}_{place + 1:04}.jpeg",
            label="ok" if fault is None else "defect",
            fault=fault,
            content=jpeg(photo(part_seed, fault, product)),
        )
