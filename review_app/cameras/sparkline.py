"""Sparklines: the geometry of a measure's newest values over its learned range."""

from dataclasses import dataclass

from workflow.cameras.overview import MeasureReading

WIDTH, HEIGHT = 96.0, 28.0
PADDING_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A line through the values, and the band of the learned range: its top and height, None without one."""

    points: str
    band_top: float | None
    band_height: float


def draw_sparkline(reading: MeasureReading) -> Sparkline:
    """Return the geometry in units of a view box of WIDTH by HEIGHT, with the greatest value at the top."""
    extremes: list[float] = [*reading.values, *(reading.learned or ())]
    low, high = min(extremes), max(extremes)
    padding = PADDING_SHARE * (high - low) or 1.0
    unit: float = HEIGHT / (high - low + 2 * padding)

    def y(value: float) -> float:
        return unit * (high + padding - value)

    pitch = WIDTH / max(len(reading.values) - 1, 1)
    points = " ".join(f"{index * pitch:.1f},{y(value):.1f}" for index, value in enumerate(reading.values))
    if reading.learned is None:
        return Sparkline(points=points, band_top=None, band_height=0.0)
    lowest, highest = reading.learned
    return Sparkline(points=points, band_top=y(highest), band_height=(highest - lowest) * unit)
