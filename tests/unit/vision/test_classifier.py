"""The model file serves with NumPy and Pillow alone, and a file of another version is refused by name."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.custom_labels.in_memory_service import build_small_model, encode, plate_photo
from vision.classifier import MODEL_FILE_VERSION, FeatureScaler, ModelFileVersionError, load_classifier
from vision.feature_blocks import FeatureBlock, extract_blocks

SCORE_WITHOUT = """
import sys, pathlib
sys.modules.update(dict.fromkeys(("scipy", "sklearn")))
from vision.classifier import load_classifier
print(load_classifier(pathlib.Path(sys.argv[1])).score_photo(pathlib.Path(sys.argv[2]).read_bytes()).tolist())
"""


def test_a_model_with_all_blocks_serves_without_scipy_and_scikit_learn(tmp_path: Path) -> None:
    photo = encode(plate_photo(1, True))
    width = len(np.concatenate(extract_blocks(photo, tuple(FeatureBlock), False)))
    zeros, ones = np.zeros(width), np.ones(width)
    model = replace(
        build_small_model(),
        blocks=tuple(FeatureBlock),
        scaler=FeatureScaler(median=zeros, spread=ones, mean=zeros, deviation=ones),
        weights=np.random.default_rng(0).normal(0, 0.1, (2, width)),
    )
    model.save(tmp_path / "model.npz")
    (tmp_path / "photo.jpg").write_bytes(photo)
    command = [sys.executable, "-c", SCORE_WITHOUT, str(tmp_path / "model.npz"), str(tmp_path / "photo.jpg")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == pytest.approx(model.score_photo(photo).tolist(), rel=1e-3)


def test_a_model_file_of_another_version_is_refused_by_name() -> None:
    with np.load(io.BytesIO(build_small_model().to_bytes())) as stored:
        arrays = dict(stored)
    for version in ({}, {"version": MODEL_FILE_VERSION + 1}):
        about = {"labels": ["a"], "colour": False, **version}
        file = io.BytesIO()
        np.savez(file, **{**arrays, "about": np.array(json.dumps(about))})
        file.seek(0)
        with pytest.raises(ModelFileVersionError, match=r"autumn.npz is a model file of version \d+"):
            load_classifier(file, "autumn.npz")


def test_tiles_find_a_fault_that_the_whole_photo_has_elsewhere() -> None:
    """Pooled statistics do not depend on the tile in which the fault is."""
    sound, *faulty = (np.full((240, 240), 0.5, np.float32) for _ in range(3))
    for plane, row in zip(faulty, (60, 130), strict=True):
        plane[row : row + 4, row : row + 4] = 0
    tiles = [
        extract_blocks(encode_plane(plane), (FeatureBlock.TILES,), False)[0] for plane in (sound, *faulty)
    ]
    assert np.abs(tiles[1] - tiles[2]).mean() < 0.2 * np.abs(tiles[1] - tiles[0]).mean()


def encode_plane(plane: np.ndarray) -> bytes:
    from PIL import Image

    return encode(Image.fromarray((plane * 255).astype(np.uint8)), "PNG")
