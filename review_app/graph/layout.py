"""Where the states of a machine and the lines between them go on paper."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from review_app.graph.machine import Machine, State, Transition
from review_app.graph.rows import Rows, arranged, backward, connected

CHARACTER, HEIGHT, SIGN, MIN_NAME = 8.3, 40.0, 44.0, 5
ACROSS, DOWN, MARGIN, TITLE = 26.0, 44.0, 14.0, 26.0
LANE, LOOP = 9.0, 16.0


@dataclass(frozen=True, slots=True)
class Box:
    """One state: its place (the upper left corner) and size. A `frame` holds the boxes of its branches."""

    name: str
    type: str
    x: float
    y: float
    width: float
    height: float
    frame: bool = False

    @property
    def middle(self) -> float:
        """Halfway between its left and its right edge."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Line:
    """One transition as points to be joined, from the source's edge to the target's."""

    transition: Transition
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A machine on paper; frames come before what they hold."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    lines: tuple[Line, ...] = ()

    def moved(self, x: float, y: float) -> "Picture":
        """The same picture elsewhere."""
        return replace(
            self,
            boxes=tuple(replace(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            lines=tuple(
                replace(line, points=tuple((px + x, py + y) for px, py in line.points)) for line in self.lines
            ),
        )


def layout(machine: Machine) -> Picture:
    """The picture of a machine: always the same for the same machine."""
    inside = {state.name: _inside(state) for state in machine.states}
    names = sorted(inside, key=lambda name: name != machine.start)
    ways = [(way.source, way.target) for way in machine.transitions]
    return _beside([_group(machine, group, inside) for group in connected(names, ways)])


def _beside(pictures: Sequence[Picture]) -> Picture:
    """Pictures side by side."""
    placed: list[Picture] = []
    x = 0.0
    for picture in pictures:
        placed.append(picture.moved(x, 0))
        x += picture.width + ACROSS
    return Picture(
        max(0.0, x - ACROSS),
        max((picture.height for picture in placed), default=0.0),
        tuple(box for picture in placed for box in picture.boxes),
        tuple(line for picture in placed for line in picture.lines),
    )


def _inside(state: State) -> Picture:
    """A state on its own, its upper left corner at the origin: a box, or a frame around its branches."""
    width = max(len(state.name), MIN_NAME) * CHARACTER + SIGN
    if not state.branches:
        return Picture(width, HEIGHT, (Box(state.name, state.type, 0, 0, width, HEIGHT),))
    inner = _beside([layout(branch) for branch in state.branches])
    width, height = max(width, inner.width + 2 * MARGIN), inner.height + TITLE + MARGIN
    frame = Box(state.name, state.type, 0, 0, width, height, frame=True)
    moved = inner.moved((width - inner.width) / 2, TITLE)
    return Picture(width, height, (frame, *moved.boxes), moved.lines)


def _group(machine: Machine, names: list[str], inside: Mapping[str, Picture]) -> Picture:
    """States that transitions connect, in rows."""
    own = [way for way in machine.transitions if way.source in names]
    loops = {way.source for way in own if way.source == way.target}
    ways = [(way.source, way.target) for way in own if way.source != way.target]
    back = backward(names, ways)
    lanes = Counter((way[1], way[0]) if way in back else way for way in ways)
    sizes = {name: (inside[name].width + 2 * LOOP * (name in loops), inside[name].height) for name in names}
    rows = arranged(sizes, {way: count * LANE for way, count in lanes.items()}, ACROSS, DOWN)
    boxes: list[Box] = []
    lines: list[Line] = []
    corners: dict[str, Box] = {}
    for name in names:
        x, y = rows.middles[name]
        picture = inside[name].moved(x - inside[name].width / 2, y - inside[name].height / 2)
        corners[name] = picture.boxes[0]
        boxes += picture.boxes
        lines += picture.lines
    drawn: Counter[tuple[str, str]] = Counter()
    for way in own:
        if way.source == way.target:
            lines.append(Line(way, _loop(corners[way.source], drawn[(way.source, way.source)])))
            drawn[(way.source, way.source)] += 1
            continue
        pair = (way.source, way.target)
        turned = pair in back
        pair = (pair[1], pair[0]) if turned else pair
        aside = (drawn[pair] - (lanes[pair] - 1) / 2) * LANE
        drawn[pair] += 1
        points = _points(rows, corners, pair, aside)
        lines.append(Line(way, tuple(reversed(points)) if turned else points))
    return Picture(rows.width, rows.edges[-1][1], tuple(boxes), tuple(lines))


def _points(
    rows: Rows, corners: Mapping[str, Box], pair: tuple[str, str], aside: float
) -> tuple[tuple[float, float], ...]:
    """From the upper box's lower edge to the lower box's upper edge, straight through each row between."""
    upper, lower = corners[pair[0]], corners[pair[1]]
    first = rows.ranks[pair[0]]
    points = [(upper.middle + aside, upper.y + upper.height), (upper.middle + aside, rows.edges[first][1])]
    for rank, x in enumerate(rows.crossings[pair], start=first + 1):
        points += [(x + aside, edge) for edge in rows.edges[rank]]
    points += [(lower.middle + aside, rows.edges[rows.ranks[pair[1]]][0]), (lower.middle + aside, lower.y)]
    return tuple(dict.fromkeys(points))


def _loop(box: Box, count: int) -> tuple[tuple[float, float], ...]:
    """From a box's right edge back to it."""
    right, out = box.x + box.width, box.x + box.width + LOOP - 4 * count
    upper, lower = box.y + box.height * 0.25 + 3 * count, box.y + box.height * 0.75 - 3 * count
    return (right, upper), (out, upper), (out, lower), (right, lower)
