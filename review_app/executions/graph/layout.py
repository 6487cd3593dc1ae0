"""Graph layout: boxes for states, routes for transitions, and frames around nested state machines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from review_app.executions.graph.definition_parser import MachineDefinition, StateDefinition, Transition
from review_app.executions.graph.layered_layout import (
    Edge,
    LayeredLayout,
    arrange_in_layers,
    connected_components,
    find_back_edges,
)

CHARACTER_WIDTH, BOX_HEIGHT, ICON_WIDTH, MIN_NAME_LENGTH = 8.3, 40.0, 44.0, 5
NODE_GAP, LAYER_GAP, FRAME_MARGIN, FRAME_TITLE = 26.0, 44.0, 14.0, 26.0
LANE_WIDTH, LOOP_WIDTH = 9.0, 16.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The box of a state; `x` and `y` are its upper left corner. A frame encloses the state's branches."""

    name: str
    type: str
    x: float
    y: float
    width: float
    height: float
    frame: bool = False

    @property
    def centre_x(self) -> float:
        """The x coordinate of its centre."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class EdgeRoute:
    """The route of a transition: points from the source's border to the target's."""

    transition: Transition
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphLayout:
    """The layout of a state machine; a frame precedes the boxes that it encloses."""

    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    routes: tuple[EdgeRoute, ...] = ()

    def translated(self, dx: float, dy: float) -> "GraphLayout":
        """Return the layout moved by an offset."""
        return replace(
            self,
            boxes=tuple(replace(box, x=box.x + dx, y=box.y + dy) for box in self.boxes),
            routes=tuple(
                replace(route, points=tuple((x + dx, y + dy) for x, y in route.points))
                for route in self.routes
            ),
        )


def compute_layout(machine: MachineDefinition) -> GraphLayout:
    """Compute the layout of a state machine; it is deterministic."""
    states = {state.name: _layout_state(state) for state in machine.states}
    names = sorted(states, key=lambda name: name != machine.start)
    edges = [(transition.source, transition.target) for transition in machine.transitions]
    components = connected_components(names, edges)
    return _side_by_side([_layout_component(machine, component, states) for component in components])


def _side_by_side(layouts: Sequence[GraphLayout]) -> GraphLayout:
    translated: list[GraphLayout] = []
    x = 0.0
    for layout in layouts:
        translated.append(layout.translated(x, 0))
        x += layout.width + NODE_GAP
    return GraphLayout(
        width=max(0.0, x - NODE_GAP),
        height=max((layout.height for layout in translated), default=0.0),
        boxes=tuple(box for layout in translated for box in layout.boxes),
        routes=tuple(route for layout in translated for route in layout.routes),
    )


def _layout_state(state: StateDefinition) -> GraphLayout:
    """Lay out one state at the origin: a box, or a frame around its branches."""
    width, height = max(len(state.name), MIN_NAME_LENGTH) * CHARACTER_WIDTH + ICON_WIDTH, BOX_HEIGHT
    if not state.branches:
        box = Box(name=state.name, type=state.type, x=0, y=0, width=width, height=height)
        return GraphLayout(width=width, height=height, boxes=(box,))
    inner = _side_by_side([compute_layout(branch) for branch in state.branches])
    width = max(width, inner.width + 2 * FRAME_MARGIN)
    height = inner.height + FRAME_TITLE + FRAME_MARGIN
    frame = Box(name=state.name, type=state.type, x=0, y=0, width=width, height=height, frame=True)
    inner = inner.translated((width - inner.width) / 2, FRAME_TITLE)
    return GraphLayout(width=width, height=height, boxes=(frame, *inner.boxes), routes=inner.routes)


def _layout_component(
    machine: MachineDefinition, names: list[str], states: Mapping[str, GraphLayout]
) -> GraphLayout:
    """Lay out a connected component of the graph in layers."""
    transitions = [transition for transition in machine.transitions if transition.source in names]
    with_loop = {transition.source for transition in transitions if transition.source == transition.target}
    edges = [
        (transition.source, transition.target)
        for transition in transitions
        if transition.source != transition.target
    ]
    back_edges = find_back_edges(names, edges)
    lanes = Counter(_downwards(edge, back_edges) for edge in edges)
    sizes = {
        name: (states[name].width + 2 * LOOP_WIDTH * (name in with_loop), states[name].height)
        for name in names
    }
    edge_widths = {edge: count * LANE_WIDTH for edge, count in lanes.items()}
    layered = arrange_in_layers(sizes, edge_widths, NODE_GAP, LAYER_GAP)
    layouts = {name: _centred(states[name], layered.centres[name]) for name in names}
    outer_boxes = {name: layout.boxes[0] for name, layout in layouts.items()}
    routes = _route_transitions(transitions, layered, outer_boxes, lanes, back_edges)
    return GraphLayout(
        width=layered.width,
        height=layered.bounds[-1][1],
        boxes=tuple(box for layout in layouts.values() for box in layout.boxes),
        routes=(*(route for layout in layouts.values() for route in layout.routes), *routes),
    )


def _downwards(edge: Edge, back_edges: set[Edge]) -> Edge:
    """Return the edge, reversed if it is a back edge."""
    return (edge[1], edge[0]) if edge in back_edges else edge


def _centred(layout: GraphLayout, centre: Point) -> GraphLayout:
    return layout.translated(centre[0] - layout.width / 2, centre[1] - layout.height / 2)


def _route_transitions(
    transitions: Sequence[Transition],
    layered: LayeredLayout,
    boxes: Mapping[str, Box],
    lanes: Mapping[Edge, int],
    back_edges: set[Edge],
) -> list[EdgeRoute]:
    """Route the transitions; those between the same two states take parallel lanes."""
    routes = []
    routed: Counter[Edge] = Counter()
    for transition in transitions:
        edge = (transition.source, transition.target)
        if transition.source == transition.target:
            points = _loop_points(boxes[transition.source], routed[edge])
            routed[edge] += 1
        else:
            downwards = _downwards(edge, back_edges)
            lane_offset = (routed[downwards] - (lanes[downwards] - 1) / 2) * LANE_WIDTH
            routed[downwards] += 1
            points = _edge_points(layered, boxes, downwards, lane_offset)
            points = points[::-1] if edge in back_edges else points
        routes.append(EdgeRoute(transition, points))
    return routes


def _edge_points(
    layered: LayeredLayout, boxes: Mapping[str, Box], edge: Edge, lane_offset: float
) -> tuple[Point, ...]:
    """Route an edge from the upper box's bottom to the lower box's top, vertical within each layer."""
    upper, lower = boxes[edge[0]], boxes[edge[1]]
    first_layer, last_layer = layered.layers[edge[0]], layered.layers[edge[1]]
    start_x, end_x = upper.centre_x + lane_offset, lower.centre_x + lane_offset
    points = [(start_x, upper.y + upper.height), (start_x, layered.bounds[first_layer][1])]
    for layer, x in enumerate(layered.crossings[edge], start=first_layer + 1):
        points += [(x + lane_offset, y) for y in layered.bounds[layer]]
    points += [(end_x, layered.bounds[last_layer][0]), (end_x, lower.y)]
    return tuple(dict.fromkeys(points))


def _loop_points(box: Box, count: int) -> tuple[Point, ...]:
    """Route a transition from a box's right border back to it; `count` loops precede it."""
    right, outer = box.x + box.width, box.x + box.width + LOOP_WIDTH - 4 * count
    upper, lower = box.y + box.height * 0.25 + 3 * count, box.y + box.height * 0.75 - 3 * count
    return (right, upper), (outer, upper), (outer, lower), (right, lower)
