"""Boxes in rows, so that ways lead down wherever they can: the order and the places within each row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SWEEPS = 8

Size = tuple[float, float]
Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the middle of each box is, the upper and lower edge of each row, and where ways cross rows."""

    middles: Mapping[str, tuple[float, float]]
    edges: Sequence[tuple[float, float]]
    ranks: Mapping[str, int]
    crossings: Mapping[Way, Sequence[float]]
    width: float


def backward(names: Sequence[str], ways: Sequence[Way]) -> set[Way]:
    """The ways to turn round so that none leads back: those to a box that is on the path to its source."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    for source, target in ways:
        targets[source].append(target)
    done: set[str] = set()
    found: set[Way] = set()
    for first in names:
        path: dict[str, Iterator[str]] = {first: iter(targets[first])} if first not in done else {}
        while path:
            here = next(reversed(path))
            there = next(path[here], None)
            if there is None:
                done.add(here)
                del path[here]
            elif there in path:
                found.add((here, there))
            elif there not in done:
                path[there] = iter(targets[there])
    return found


def connected(names: Sequence[str], ways: Sequence[Way]) -> list[list[str]]:
    """The names in groups that no way connects, each in the order given."""
    group = {name: [name] for name in names}
    for source, target in ways:
        if group[source] is not group[target]:
            group[source] += group[target]
            for name in group[target]:
                group[name] = group[source]
    found = {id(members): members for members in group.values()}
    return [sorted(members, key=list(names).index) for members in found.values()]


def arranged(sizes: Mapping[str, Size], ways: Mapping[Way, float], across: float, down: float) -> Rows:
    """Boxes of these sizes in rows, for ways that nowhere lead back; each way has a width of its own."""
    ranks = _ranks(list(sizes), list(ways))
    cells = _cells(sizes, ways, ranks)
    for sweep in range(SWEEPS):
        _sort(cells if sweep % 2 == 0 else cells[::-1], upwards=sweep % 2 == 1)
    for row in cells:
        _place(row, [0.0] * len(row), across)
    for sweep in range(SWEEPS):
        for row in cells if sweep % 2 == 0 else cells[::-1]:
            _place(row, [cell.wish() for cell in row], across)
    every = [cell for row in cells for cell in row]
    left = min(cell.x - cell.width / 2 for cell in every)
    bounds = _bounds(sizes, ranks, down)
    middles = {
        cell.name: (cell.x - left, (bounds[rank][0] + bounds[rank][1]) / 2)
        for rank, row in enumerate(cells)
        for cell in row
        if cell.name
    }
    crossings: dict[Way, list[float]] = {way: [] for way in ways}
    for cell in every:
        if cell.way:
            crossings[cell.way].append(cell.x - left)
    width = max(cell.x + cell.width / 2 for cell in every) - left
    return Rows(middles, bounds, ranks, crossings, width)


@dataclass(eq=False, slots=True)
class _Cell:
    """What takes place in a row: a box, or a way that crosses the row."""

    width: float
    name: str = ""
    way: Way | None = None
    above: list["_Cell"] = field(default_factory=list)
    below: list["_Cell"] = field(default_factory=list)
    place: float = 0.0
    x: float = 0.0

    def wish(self) -> float:
        """Where it would like to be: in the middle of what it is joined to."""
        joined = self.above + self.below
        return sum(cell.x for cell in joined) / len(joined) if joined else self.x


def _ranks(names: Sequence[str], ways: Sequence[Way]) -> dict[str, int]:
    """The row of each box: below everything that leads to it."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    waits = dict.fromkeys(names, 0)
    for source, target in ways:
        targets[source].append(target)
        waits[target] += 1
    ready = [name for name in names if not waits[name]]
    ranks = dict.fromkeys(ready, 0)
    for name in ready:
        for target in targets[name]:
            ranks[target] = max(ranks.get(target, 0), ranks[name] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return ranks


def _cells(
    sizes: Mapping[str, Size], ways: Mapping[Way, float], ranks: Mapping[str, int]
) -> list[list[_Cell]]:
    rows: list[list[_Cell]] = [[] for _ in range(max(ranks.values()) + 1)]
    boxes = {name: _Cell(size[0], name) for name, size in sizes.items()}
    for name, cell in boxes.items():
        rows[ranks[name]].append(cell)
    for way, width in ways.items():
        above = boxes[way[0]]
        for rank in range(ranks[way[0]] + 1, ranks[way[1]]):
            cell = _Cell(width, way=way)
            rows[rank].append(cell)
            _join(above, cell)
            above = cell
        _join(above, boxes[way[1]])
    for row in rows:
        _number(row)
    return rows


def _join(above: _Cell, below: _Cell) -> None:
    above.below.append(below)
    below.above.append(above)


def _number(row: list[_Cell]) -> None:
    for place, cell in enumerate(row):
        cell.place = place - len(row) / 2


def _sort(rows: Sequence[list[_Cell]], upwards: bool) -> None:
    """Order each row after the one before it, so that few lines cross."""
    for row in rows:
        wishes = {}
        for cell in row:
            joined = cell.below if upwards else cell.above
            wishes[cell] = sum(one.place for one in joined) / len(joined) if joined else cell.place
        row.sort(key=wishes.__getitem__)
        _number(row)


def _place(row: Sequence[_Cell], wishes: Sequence[float], across: float) -> None:
    """As near to the wishes as the order and the widths allow (least squares, by pooling neighbours)."""
    offset = 0.0
    pools: list[tuple[float, int]] = []  # The sum of what its members wish for, and how many they are.
    offsets = []
    for cell, wish in zip(row, wishes, strict=True):
        offset += cell.width / 2
        offsets.append(offset)
        pool = (wish - offset, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1])
        pools.append(pool)
        offset += cell.width / 2 + across
    places = [total / count for total, count in pools for _ in range(count)]
    for cell, place, at in zip(row, places, offsets, strict=True):
        cell.x = place + at


def _bounds(sizes: Mapping[str, Size], ranks: Mapping[str, int], down: float) -> list[tuple[float, float]]:
    heights = [0.0] * (max(ranks.values(), default=-1) + 1)
    for name, rank in ranks.items():
        heights[rank] = max(heights[rank], sizes[name][1])
    bounds: list[tuple[float, float]] = []
    for height in heights:
        top = bounds[-1][1] + down if bounds else 0.0
        bounds.append((top, top + height))
    return bounds
