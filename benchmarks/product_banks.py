"""Banks of photos with their features, from generated products and from folders of real photos."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.product_photos import GeneratedProduct, ProductPhoto, draw_planes, photograph
from custom_labels.fitting import TrainingExamples
from custom_labels.part_groups import group_by_part
from vision.feature_blocks import FINE_PIXELS, FeatureBlock, extract_blocks
from vision.features import FeatureVector, extract_features
from vision.fingerprints import Fingerprint, compute_fingerprint
from vision.photo_decoding import open_photo
from workflow.inspections.default_label_rules import is_ok_label
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Verdict

SUFFIXES = (".jpg", ".jpeg", ".png")
HELD_BACK_SHARE = 0.5

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductBank:
    """All photos of a product: features by block, fingerprints, label and part of each, and the side."""

    name: str
    features: dict[FeatureBlock, Floats]
    fingerprints: NDArray[np.float32]
    labels: tuple[str, ...]
    targets: Ints
    parts: Ints
    held_back: NDArray[np.bool_]

    def policy(self, ok: float = 0.8, defect: float = 0.8) -> RoutingPolicy:
        """Return a policy with these thresholds."""
        rules = {
            label: LabelRule(Verdict.OK, ok) if is_ok_label(label) else LabelRule(Verdict.DEFECT, defect)
            for label in self.labels
        }
        return RoutingPolicy(version="1", labels=rules)

    def draw(self, size: int, seed: int) -> Ints:
        """Draw the photos of `size` parts of each label from those that are not held back."""
        rng = np.random.default_rng([size, seed])
        chosen: list[Ints] = []
        for target in range(len(self.labels)):
            rows = np.flatnonzero((self.targets == target) & ~self.held_back)
            parts = rng.permutation(np.unique(self.parts[rows]))[:size]
            chosen.append(rows[np.isin(self.parts[rows], parts)])
        return np.concatenate(chosen)

    def select(self, rows: Ints) -> dict[FeatureBlock, Floats]:
        """Return the features of the photos at these rows."""
        return {block: values[rows] for block, values in self.features.items()}

    def examples(self, rows: Ints) -> TrainingExamples:
        """Return the photos at these rows as a training sees them: it finds the parts by itself."""
        features, targets = self.select(rows), self.targets[rows]
        return TrainingExamples(
            features=features,
            targets=targets,
            parts=group_by_part(features[FeatureBlock.WHOLE], self.fingerprints[rows], targets),
            labels=self.labels,
            colour=False,
        )


def _extract(blocks: Sequence[FeatureBlock], content: bytes) -> tuple[list[FeatureVector], Fingerprint]:
    return extract_blocks(content, blocks, False), compute_fingerprint(content)


def _photograph(product: GeneratedProduct, seed: int) -> list[ProductPhoto]:
    return photograph(product, seed, fault=seed % 2 == 1)


def _to_bank(
    name: str, photos: Sequence[ProductPhoto], held_back: Sequence[bool] | None, pool: Executor
) -> ProductBank:
    with open_photo(photos[0].content) as opened:
        large = opened.image.width * opened.image.height >= FINE_PIXELS
    blocks = [block for block in FeatureBlock if block is not FeatureBlock.FINE or large]
    vectors, fingerprints = zip(
        *pool.map(partial(_extract, blocks), [photo.content for photo in photos], chunksize=8), strict=True
    )
    labels = tuple(sorted({photo.label for photo in photos}))
    targets = np.array([labels.index(photo.label) for photo in photos])
    names = [photo.part for photo in photos]
    prints = np.stack(fingerprints)
    features = {
        block: np.array([row[number] for row in vectors], dtype=np.float64)
        for number, block in enumerate(blocks)
    }
    parts = (
        np.unique(names, return_inverse=True)[1]
        if all(names)
        else group_by_part(features[FeatureBlock.WHOLE], prints, targets)
    )
    return ProductBank(
        name=name,
        features=features,
        fingerprints=prints,
        labels=labels,
        targets=targets,
        parts=parts,
        held_back=np.array(held_back) if held_back else _hold_back(targets, parts),
    )


def _hold_back(targets: Ints, parts: Ints) -> NDArray[np.bool_]:
    """Hold back half of the parts of each label."""
    rng = np.random.default_rng(0)
    held_back = np.zeros(len(parts), dtype=bool)
    for target in np.unique(targets):
        names = np.unique(parts[targets == target])
        chosen = rng.permutation(names)[: round(HELD_BACK_SHARE * len(names))]
        held_back |= (targets == target) & np.isin(parts, chosen)
    return held_back


def generate_bank(product: GeneratedProduct, number: int, parts: int, pool: Executor) -> ProductBank:
    """Photograph `parts` parts of each label, and extract their features."""
    seeds = range(10_000 * number, 10_000 * number + 2 * parts)
    photos = [
        photo for shots in pool.map(partial(_photograph, product), seeds, chunksize=8) for photo in shots
    ]
    return _to_bank(product.name, photos, None, pool)


def read_bank(folder: Path, pool: Executor) -> ProductBank:
    """Read real photos; those with similar fingerprints show one part."""
    sides = [folder / side for side in ("train", "test")]
    split = all(side.is_dir() for side in sides)
    paths = [
        (path, number == 1)
        for number, side in enumerate(sides if split else [folder])
        for path in sorted(side.glob("*/*"))
        if path.suffix.lower() in SUFFIXES
    ]
    photos = [ProductPhoto(content=path.read_bytes(), label=path.parent.name, part="") for path, _ in paths]
    return _to_bank(folder.name, photos, [test for _, test in paths] if split else None, pool)


def load_or_make(cache: Path | None, name: str, make: Callable[[], ProductBank]) -> ProductBank:
    """Return a bank from the cache, or make it and keep it there."""
    file = cache / f"{name}.npz" if cache else None
    if file and file.exists():
        with np.load(file) as stored:
            fields = dict(stored)
        features = {
            FeatureBlock(key[8:]): fields.pop(key) for key in list(fields) if key.startswith("feature_")
        }
        return ProductBank(
            name=name, features=features, labels=tuple(fields.pop("labels").tolist()), **fields
        )
    bank = make()
    if file:
        arrays = {name: getattr(bank, name) for name in ("fingerprints", "targets", "parts", "held_back")}
        blocks = {f"feature_{block}": values for block, values in bank.features.items()}
        np.savez(file, labels=np.array(bank.labels), **arrays, **blocks)
    return bank


def small_bank(product: GeneratedProduct, seed: int, learned: int, held_back: int, side: int) -> ProductBank:
    """Generate small photos of `learned` and `held_back` parts of each label, which are not decoded.

    Every seed gives other parts. The fingerprints are empty: such a bank knows its parts.
    """
    count = 2 * (learned + held_back)
    rows = [
        (extract_features([plane], levels=3), number % 2, number)
        for number in range(count)
        for plane in draw_planes(product, 1_000_000 + count * seed + number, number % 2 == 1, side)
    ]
    vectors, faults, parts = zip(*rows, strict=True)
    return ProductBank(
        name=product.name,
        features={FeatureBlock.WHOLE: np.array(vectors, dtype=np.float64)},
        fingerprints=np.zeros((len(rows), 1), np.float32),
        labels=("defect", "ok"),
        targets=1 - np.array(faults),
        parts=np.array(parts),
        held_back=np.array(parts) >= 2 * learned,
    )
