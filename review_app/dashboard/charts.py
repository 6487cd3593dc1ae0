"""Charts: counts and the geometry of their SVG columns, shares and bars."""

from collections.abc import Sequence
from dataclasses import dataclass

CHART_WIDTH = 100.0
COLUMN_BASELINE, COLUMN_HEIGHT = 39.5, 38.0
COLUMN_FILL = 0.8
MIN_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class ChartItem:
    """A count with its label and the query string of the list of its inspections."""

    label: str
    count: int
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartShape:
    """The rectangle of an item, in the units of the chart's view box."""

    item: ChartItem
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A series of counts that is drawn as columns, as shares of the total, or as horizontal bars."""

    items: Sequence[ChartItem]

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return sum(item.count for item in self.items)

    @property
    def maximum(self) -> int:
        """The highest count, 0 without items."""
        return max((item.count for item in self.items), default=0)

    @property
    def columns(self) -> list[ChartShape]:
        """Columns from left to right; items without a count have none."""
        pitch = CHART_WIDTH / max(len(self.items), MIN_COLUMNS)
        unit = COLUMN_HEIGHT / max(self.maximum, 1)
        return [
            ChartShape(
                item=item,
                x=(index + (1 - COLUMN_FILL) / 2) * pitch,
                y=COLUMN_BASELINE - item.count * unit,
                width=COLUMN_FILL * pitch,
                height=item.count * unit,
            )
            for index, item in enumerate(self.items)
            if item.count
        ]

    @property
    def shares(self) -> list[ChartShape]:
        """Adjacent parts of one bar, as wide as their shares of the total."""
        shapes = []
        x = 0.0
        for item in self.items:
            if item.count:
                width = item.count / self.total * CHART_WIDTH
                shapes.append(ChartShape(item=item, x=x, y=0, width=width, height=10))
                x += width
        return shapes

    @property
    def bars(self) -> list[ChartShape]:
        """One bar for each item, as wide as its part of the highest count."""
        unit = CHART_WIDTH / max(self.maximum, 1)
        return [ChartShape(item=item, x=0, y=0, width=item.count * unit, height=6) for item in self.items]

    def percent(self, item: ChartItem) -> str:
        """Return an item's share of the total as text, empty if the total is 0."""
        return f"{item.count / self.total * 100:.1f} %" if self.total else ""
