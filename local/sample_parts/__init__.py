"""Generated photos of cast parts, sound or defective; equal seeds give equal photos."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from local.sample_parts.camera import encode_jpeg, take_photo
from local.sample_parts.defects import DefectKind, add_defect
from local.sample_parts.harmless_marks import add_harmless_marks
from local.sample_parts.holes import cut_holes
from local.sample_parts.products import SampleProduct, draw_design
from local.sample_parts.scene import create_scene

__all__ = ["DefectKind", "SamplePart", "SampleProduct", "encode_jpeg", "generate_parts", "photograph_part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePart:
    """A photographed part; its name does not reveal its label, as in a factory.

    `content` is a JPEG file.
    """

    name: str
    label: Literal["ok", "defect"]
    defect: DefectKind | None
    content: bytes


def photograph_part(
    seed: int, defect: DefectKind | None = None, product: SampleProduct = SampleProduct.IMPELLER
) -> Image.Image:
    """Photograph the part with this seed; with a defect it is the same part in the same photo, damaged."""
    casting, handling, damage, drilling, shot = (
        np.random.default_rng(stream) for stream in np.random.SeedSequence(seed).spawn(5)
    )
    scene = create_scene(draw_design(product, casting), casting)
    add_harmless_marks(scene, handling)
    if defect is not None:
        add_defect(scene, defect, damage)
    cut_holes(scene, drilling)
    return take_photo(scene.render(), shot)


def generate_parts(
    count: int, seed: int, defect_share: float = 0.5, product: SampleProduct = SampleProduct.IMPELLER
) -> Iterator[SamplePart]:
    """Yield parts in random order, with the kinds of defects in turn; two seeds never share a part.

    Raise ValueError if `defect_share` is outside 0 to 1.
    """
    if not 0.0 <= defect_share <= 1.0:
        raise ValueError(f"defect share {defect_share!r} is outside 0..1")
    kinds = list(DefectKind)
    defects: list[DefectKind | None] = [None] * count
    rng = np.random.default_rng(seed)
    for turn, index in enumerate(rng.permutation(count)[: round(count * defect_share)]):
        defects[index] = kinds[turn % len(kinds)]
    for index, defect in enumerate(defects):
        part_seed = seed * 2**32 + index
        yield SamplePart(
            name=f"{product}_{index + 1:04}.jpeg",
            label="ok" if defect is None else "defect",
            defect=defect,
            content=encode_jpeg(photograph_part(part_seed, defect, product)),
        )
