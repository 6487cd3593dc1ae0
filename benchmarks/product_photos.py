"""Six generated products for measuring, which differ as real ones do. Equal seeds give equal photos.

Each product is a function from random generators (of the part, of the shot), the fault and the side (pixels)
to grey values (0 to 1).
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

Grey = NDArray[np.float32]
Rng = np.random.Generator
Draw = Callable[[Rng, bool, int], Grey]

SIDE = 256
QUALITY = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedProduct:
    """A product: `draw` gives one part's surface, and each part is photographed `shots` times."""

    name: str
    draw: Draw
    side: int = SIDE
    shots: int = 1
    # Largest shift (share of the side), and turn (radians) of a part before the camera.
    shift: float = 0.005
    turn: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPhoto:
    """A photo file with its label and the part that it shows."""

    content: bytes
    label: str
    part: str


def noise(rng: Rng, side: int, sigma: float | tuple[float, float]) -> Grey:
    """Return smooth noise with deviation 1; `sigma` is in pixels."""
    if isinstance(sigma, float | int) and sigma > 16 and side % 8 == 0:  # the same from an eighth of the size
        coarse = Image.fromarray(noise(rng, side // 8, sigma / 8))
        return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float32)
    field = gaussian_filter(rng.standard_normal((side, side), dtype=np.float32), sigma, mode="wrap")
    return np.asarray(field / (field.std() + 1e-9), dtype=np.float32)


def grid(side: int) -> tuple[Grey, Grey]:
    """Return rows and columns from −1 to 1."""
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return rows, columns


def spot(side: int, row: float, column: float, radius: float) -> Grey:
    """Return a soft spot of height 1 at a place (−1 to 1) with a radius in shares of the side."""
    rows, columns = grid(side)
    distance = np.hypot(rows - row, columns - column) / (2 * radius)
    return np.asarray(np.exp(-(distance**4)), dtype=np.float32)


def crack(rng: Rng, side: int, length: float, wander: float) -> Grey:
    """Return a thin winding line; `length` is a share of the side."""
    steps = int(length * side * 2)
    angle = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, wander, steps))
    start = rng.uniform(0.25, 0.75, 2) * side
    rows = (start[0] + np.cumsum(np.sin(angle)) / 2).clip(1, side - 2).astype(int)
    columns = (start[1] + np.cumsum(np.cos(angle)) / 2).clip(1, side - 2).astype(int)
    line = np.zeros((side, side), np.float32)
    line[rows, columns] = 1
    return np.asarray(gaussian_filter(line, 0.6) * 2, dtype=np.float32)


def draw_rim(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a turned disc on a dark table; the fault is a nick at its rim."""
    rows, columns = grid(side)
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    edge = 0.8 + 0.004 * np.sin(angle * rng.integers(3, 9) + rng.uniform(0, 6))
    if fault:
        at, width = rng.uniform(-np.pi, np.pi), rng.uniform(0.02, 0.05)
        turned = np.angle(np.exp(1j * (angle - at)))
        edge = edge - rng.uniform(0.015, 0.05) * np.exp(-((turned / width) ** 2))
    turned_marks = 0.04 * np.sin(radius * rng.uniform(90, 110) + rng.uniform(0, 6))
    metal = 0.6 + turned_marks + 0.04 * noise(rng, side, 1) + 0.05 * noise(rng, side, 20)
    inside = 1 / (1 + np.exp(-(edge - radius) * side / 2))
    return np.asarray(0.12 + 0.02 * noise(rng, side, 2) + inside * (metal - 0.12), dtype=np.float32)


def draw_shading(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a rolled sheet under uneven light; the fault is a broad, faint stain."""
    rows, columns = grid(side)
    light = rng.normal(0, 0.05) * rows + rng.normal(0, 0.05) * columns
    sheet = 0.55 + light + 0.03 * noise(rng, side, (0.5, 6)) + 0.012 * noise(rng, side, side / 6)
    if fault:
        size = rng.uniform(0.06, 0.14)
        row, column = rng.uniform(-0.7, 0.7, 2)
        sheet = sheet + rng.choice([-1, 1]) * rng.uniform(0.03, 0.09) * spot(side, row, column, size)
    return np.asarray(sheet, dtype=np.float32)


def draw_tiny(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a large, lightly mottled plate; the fault is a speck of a few pixels."""
    plate = 0.6 + 0.02 * noise(rng, side, 1) + 0.05 * noise(rng, side, side / 10)
    for _ in range(rng.integers(2, 6)):  # harmless marks are larger and fainter
        row, column = rng.uniform(-0.9, 0.9, 2)
        plate -= 0.05 * spot(side, row, column, rng.uniform(0.006, 0.012))
    if fault:
        radius = rng.uniform(1.6, 3.2) / side
        row, column = rng.uniform(-0.9, 0.9, 2)
        plate -= rng.uniform(0.2, 0.4) * spot(side, row, column, radius)
    return np.asarray(plate, dtype=np.float32)


def draw_texture(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a coarse fibrous surface; the fault is a thin crack that looks like a fibre."""
    fibres = noise(rng, side, (0.7, 5)) + noise(rng, side, (4, 0.8)) + noise(rng, side, 1.5)
    surface = 0.5 + 0.06 * fibres + 0.04 * noise(rng, side, 30)
    if fault:
        surface = surface - rng.uniform(0.12, 0.3) * crack(rng, side, rng.uniform(0.4, 0.9), 0.12)
    return np.asarray(surface, dtype=np.float32)


def draw_board(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a board with the same components at the same places; the fault is a missing or shifted one."""
    layout = np.random.default_rng(5)
    board = 0.3 + 0.015 * noise(rng, side, 1) + 0.02 * noise(rng, side, 25)
    damaged = rng.integers(24) if fault else -1
    missing, offset = rng.random() < 0.5, (rng.choice([-1, 1], 2) * rng.integers(3, 7, 2))
    for number in range(24):
        row, column = (((number // 5) + 0.6) * side // 5.6, ((number % 5) + 0.6) * side // 5.6)
        height, width = layout.integers(side // 22, side // 10, 2)
        tone = layout.uniform(0.1, 0.9)
        jitter = rng.integers(-1, 2, 2)
        if number == damaged and missing:
            continue
        moved = jitter + (offset if number == damaged else 0)
        top, left = int(row + moved[0] - height / 2), int(column + moved[1] - width / 2)
        board[max(top, 0) : top + height, max(left, 0) : left + width] = tone + rng.normal(0, 0.02)
    return np.asarray(gaussian_filter(board, 0.7), dtype=np.float32)


def draw_forging(rng: Rng, fault: bool, side: int) -> Grey:
    """Draw a forged lever, which lies anywhere before the camera; the fault is a dent or a lap."""
    rows, columns = grid(side)
    body = np.maximum.reduce(
        [
            0.34 - np.hypot(rows + 0.3, columns),
            0.26 - np.hypot(rows - 0.4, columns),
            0.15 - np.maximum(np.abs(columns), np.abs(rows) - 0.35),
        ]
    )
    inside = 1 / (1 + np.exp(-body * side / 3))
    skin = 0.55 + 0.06 * noise(rng, side, 1.2) + 0.05 * noise(rng, side, 6) + 0.8 * np.minimum(body, 0.06)
    for row in (-0.3, 0.4):
        skin -= 0.3 * (np.hypot(rows - row, columns) < 0.1)
    if fault and rng.random() < 0.5:
        row = rng.choice([-0.3, 0.4]) + rng.uniform(-0.15, 0.15)
        skin -= rng.uniform(0.15, 0.35) * spot(side, row, rng.uniform(-0.18, 0.18), rng.uniform(0.008, 0.02))
    elif fault:
        place = rng.uniform(-0.25, 0.3)
        lap = np.abs(rows - place - 0.3 * columns + 0.01 * noise(rng, side, 8)) < 0.008
        skin -= rng.uniform(0.12, 0.3) * lap * (np.abs(columns) < rng.uniform(0.05, 0.15))
    return np.asarray(0.2 + 0.03 * noise(rng, side, 3) + inside * (skin - 0.2), dtype=np.float32)


PRODUCTS = (
    GeneratedProduct(name="rim", draw=draw_rim),
    GeneratedProduct(name="shading", draw=draw_shading, shift=0),
    GeneratedProduct(name="tiny", draw=draw_tiny, side=1024, shift=0),
    GeneratedProduct(name="texture", draw=draw_texture, shots=3, shift=0.03),
    GeneratedProduct(name="board", draw=draw_board),
    GeneratedProduct(name="forging", draw=draw_forging, shift=0.12, turn=np.pi),
)


def draw_planes(product: GeneratedProduct, seed: int, fault: bool, side: int) -> Iterator[Grey]:
    """Yield the photos of one part as planes (0 to 1): its shots differ in exposure, place and noise."""
    surface_rng, shot_rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    surface = product.draw(surface_rng, fault, side)
    for _ in range(product.shots):
        placed = _place(surface, shot_rng, product)
        exposure = shot_rng.uniform(0.8, 1.2) if product.shots > 1 else shot_rng.uniform(0.97, 1.03)
        grain = shot_rng.normal(0, 0.008, placed.shape)
        yield np.asarray(np.clip(placed * exposure + grain, 0, 1), dtype=np.float32)


def _place(surface: Grey, rng: Rng, product: GeneratedProduct) -> Grey:
    angle = rng.uniform(-product.turn, product.turn)
    down, right = rng.uniform(-product.shift, product.shift, 2) * surface.shape[0]
    if not angle and not down and not right:
        return surface
    middle = (surface.shape[0] - 1) / 2
    rows, columns = np.indices(surface.shape) - middle
    turned_rows = np.cos(angle) * rows - np.sin(angle) * columns + middle + down
    turned_columns = np.sin(angle) * rows + np.cos(angle) * columns + middle + right
    return np.asarray(
        map_coordinates(surface, [turned_rows, turned_columns], order=1, mode="nearest"), dtype=np.float32
    )


def photograph(product: GeneratedProduct, seed: int, fault: bool) -> list[ProductPhoto]:
    """Return the photos of one part as JPEG files."""
    photos = []
    for plane in draw_planes(product, seed, fault, product.side):
        file = io.BytesIO()
        Image.fromarray((plane * 255).astype(np.uint8)).save(file, "JPEG", quality=QUALITY)
        label = "defect" if fault else "ok"
        photos.append(ProductPhoto(content=file.getvalue(), label=label, part=str(seed)))
    return photos
