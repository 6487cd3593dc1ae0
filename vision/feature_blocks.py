"""Feature blocks: the same statistics of the whole photo, of its centre, of tiles, and at a finer size."""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from vision.features import FeatureVector, extract_features
from vision.filters import Plane
from vision.photo_decoding import DecodedPhoto, decode_photo

FINE_PIXELS = 512 * 512
TILES_A_SIDE = 3
TILE_LEVELS = 3
# The rim of a part has strong edges in every photo; the centre leaves out this share of each side.
RIM_SHARE = 0.07


class FeatureBlock(StrEnum):
    """A block of features. A model file names the blocks that it needs, in their order."""

    WHOLE = "whole"
    CENTRE = "centre"
    TILES = "tiles"
    FINE = "fine"


def extract_blocks(content: bytes, blocks: Sequence[FeatureBlock], colour: bool) -> list[FeatureVector]:
    """Compute the vector of each block for one photo file (JPEG or PNG).

    `colour` adds the opponent channels to the whole photo and to its centre. Raise PhotoError if the photo
    cannot be read.
    """
    photo = decode_photo(content)
    return [_extract(block, photo, content, colour) for block in blocks]


def _extract(block: FeatureBlock, photo: DecodedPhoto, content: bytes, colour: bool) -> FeatureVector:
    if block is FeatureBlock.FINE:
        return extract_features([decode_photo(content, FINE_PIXELS).luminance], levels=1)
    if block is FeatureBlock.TILES:
        return _pool_tiles(cut_rim(photo.luminance))
    planes = photo.planes(colour)
    return extract_features(planes if block is FeatureBlock.WHOLE else [cut_rim(plane) for plane in planes])


def cut_rim(plane: Plane) -> Plane:
    """Return the middle of a plane (height × width), without the rim's share of each side."""
    rows, columns = (int(RIM_SHARE * side) for side in plane.shape)
    return np.ascontiguousarray(plane[rows : plane.shape[0] - rows, columns : plane.shape[1] - columns])


def _pool_tiles(plane: Plane) -> FeatureVector:
    """Return the largest, the median and the smallest value of each statistic over the tiles."""
    height, width = (side // TILES_A_SIDE for side in plane.shape)
    tiles = [
        np.ascontiguousarray(plane[row * height : (row + 1) * height, column * width : (column + 1) * width])
        for row in range(TILES_A_SIDE)
        for column in range(TILES_A_SIDE)
    ]
    ordered = np.sort([extract_features([tile], TILE_LEVELS) for tile in tiles], axis=0)
    return np.concatenate([ordered[-1], ordered[len(tiles) // 2], ordered[0]])
