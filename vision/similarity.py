"""Similarity of fingerprints: find pairs of photos that show the same part."""

import numpy as np

from vision.fingerprints import Fingerprint

BLOCK_SIZE = 1024


def similarity_threshold(count: int) -> float:
    """Return the similarity from which two of `count` photos show one part.

    Measured on generated castings of three products: the highest similarity of different parts grows with the
    number of photos, from 0.15 among 200 to 0.22 among 2,000. Turned and shifted copies lie above it.
    Different real castings lie far below.
    """
    return 0.105 + 0.057 * float(np.log10(max(count, 140)))


def find_similar_pairs(fingerprints: Fingerprint) -> list[tuple[int, int, float]]:
    """Find the pairs of rows that show one part: first row, second row, similarity; each pair once."""
    vectors, threshold = whiten(fingerprints), similarity_threshold(len(fingerprints))
    pairs: list[tuple[int, int, float]] = []
    for begin in range(0, len(vectors), BLOCK_SIZE):
        similarity = vectors[begin : begin + BLOCK_SIZE] @ vectors.T
        for row, column in np.argwhere(similarity >= threshold):
            if begin + row < column:
                pairs.append((int(begin + row), int(column), float(similarity[row, column])))
    return pairs


def whiten(fingerprints: Fingerprint) -> Fingerprint:
    """Return unit vectors without the common part of all fingerprints (PCA whitening with shrinkage).

    Photos of one product are very similar, and the differences between parts are small. Each direction is
    therefore scaled by the deviation along it. The shrinkage damps the weakest directions, which are noise.
    """
    scaled = (fingerprints - fingerprints.mean(axis=0)) / (fingerprints.std(axis=0) + 1e-6)
    covariance = scaled.T.astype(np.float64) @ scaled / len(scaled)
    variances, directions = np.linalg.eigh(covariance)
    shrinkage = np.trace(covariance) / min(covariance.shape[0], len(scaled)) + 1e-9
    vectors = scaled @ (directions / np.sqrt(np.maximum(variances, 0) + shrinkage)).astype(np.float32)
    result: Fingerprint = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + np.float32(1e-9))
    return result
