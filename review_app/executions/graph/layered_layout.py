"""Layered graph drawing after Sugiyama, Tagawa and Toda (1981).

The method has four steps: reverse back edges so that the graph is acyclic, assign nodes to layers by the
longest path, order each layer by the barycentre heuristic, and assign horizontal coordinates.

K. Sugiyama, S. Tagawa, M. Toda: Methods for Visual Understanding of Hierarchical System Structures. IEEE
Transactions on Systems, Man, and Cybernetics 11 (2), 1981, pp. 109-125.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SWEEPS = 8

Size = tuple[float, float]
Edge = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayeredLayout:
    """Coordinates of a layered graph.

    `centres` holds each node's centre, `layers` its layer, `bounds` each layer's top and bottom, and
    `crossings` the x coordinates at which an edge crosses the layers between its ends.
    """

    centres: Mapping[str, tuple[float, float]]
    bounds: Sequence[tuple[float, float]]
    layers: Mapping[str, int]
    crossings: Mapping[Edge, Sequence[float]]
    width: float


def find_back_edges(names: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """Return the edges whose reversal makes the graph acyclic, found by a depth-first search."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        targets[source].append(target)
    done: set[str] = set()
    back_edges: set[Edge] = set()
    for start in names:
        path: dict[str, Iterator[str]] = {start: iter(targets[start])} if start not in done else {}
        while path:
            node = next(reversed(path))
            successor = next(path[node], None)
            if successor is None:
                done.add(node)
                del path[node]
            elif successor in path:
                back_edges.add((node, successor))
            elif successor not in done:
                path[successor] = iter(targets[successor])
    return back_edges


def connected_components(names: Sequence[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Return the connected components, each in the order of `names`."""
    component_of = {name: [name] for name in names}
    for source, target in edges:
        if component_of[source] is not component_of[target]:
            component_of[source] += component_of[target]
            for name in component_of[target]:
                component_of[name] = component_of[source]
    components = {id(members): members for members in component_of.values()}
    return [sorted(members, key=list(names).index) for members in components.values()]


def arrange_in_layers(
    sizes: Mapping[str, Size], edge_widths: Mapping[Edge, float], node_gap: float, layer_gap: float
) -> LayeredLayout:
    """Lay out an acyclic graph from top to bottom.

    `sizes` holds each node's width and height, `edge_widths` the width that each edge takes in the layers
    that it crosses.
    """
    layer_of = _assign_layers(list(sizes), list(edge_widths))
    layers = _build_layers(sizes, edge_widths, layer_of)
    for sweep in range(SWEEPS):
        _order_by_barycentre(layers if sweep % 2 == 0 else layers[::-1], upwards=sweep % 2 == 1)
    for layer in layers:
        _assign_coordinates(layer, [0.0] * len(layer), node_gap)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            _assign_coordinates(layer, [node.desired_x() for node in layer], node_gap)
    nodes = [node for layer in layers for node in layer]
    left = min(node.x - node.width / 2 for node in nodes)
    right = max(node.x + node.width / 2 for node in nodes)
    bounds = _layer_bounds(sizes, layer_of, layer_gap)
    crossings: dict[Edge, list[float]] = {edge: [] for edge in edge_widths}
    for node in nodes:
        if node.edge:
            crossings[node.edge].append(node.x - left)
    return LayeredLayout(
        centres={
            node.name: (node.x - left, sum(bounds[layer_of[node.name]]) / 2) for node in nodes if node.name
        },
        bounds=bounds,
        layers=layer_of,
        crossings=crossings,
        width=right - left,
    )


@dataclass(eq=False, slots=True, kw_only=True)
class _Node:
    """A node in a layer: a real one with a name, or a dummy node where an edge crosses the layer."""

    width: float
    name: str = ""
    edge: Edge | None = None
    above: list["_Node"] = field(default_factory=list)
    below: list["_Node"] = field(default_factory=list)
    position: float = 0.0
    x: float = 0.0

    def desired_x(self) -> float:
        """Return the barycentre of the neighbours' x coordinates."""
        neighbours = self.above + self.below
        return sum(node.x for node in neighbours) / len(neighbours) if neighbours else self.x


def _assign_layers(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Assign each node to the layer below its lowest predecessor (longest-path layering)."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    open_edges = dict.fromkeys(names, 0)
    for source, target in edges:
        targets[source].append(target)
        open_edges[target] += 1
    ready = [name for name in names if not open_edges[name]]
    layer_of = dict.fromkeys(ready, 0)
    for name in ready:
        for target in targets[name]:
            layer_of[target] = max(layer_of.get(target, 0), layer_of[name] + 1)
            open_edges[target] -= 1
            if not open_edges[target]:
                ready.append(target)
    return layer_of


def _build_layers(
    sizes: Mapping[str, Size], edge_widths: Mapping[Edge, float], layer_of: Mapping[str, int]
) -> list[list[_Node]]:
    """Build the layers' nodes, with a dummy node in each layer that an edge crosses."""
    layers: list[list[_Node]] = [[] for _ in range(max(layer_of.values()) + 1)]
    nodes = {name: _Node(width=size[0], name=name) for name, size in sizes.items()}
    for name, node in nodes.items():
        layers[layer_of[name]].append(node)
    for edge, width in edge_widths.items():
        above = nodes[edge[0]]
        for layer in range(layer_of[edge[0]] + 1, layer_of[edge[1]]):
            dummy = _Node(width=width, edge=edge)
            layers[layer].append(dummy)
            _connect(above, dummy)
            above = dummy
        _connect(above, nodes[edge[1]])
    for nodes_of_layer in layers:
        _number_positions(nodes_of_layer)
    return layers


def _connect(above: _Node, below: _Node) -> None:
    above.below.append(below)
    below.above.append(above)


def _number_positions(layer: list[_Node]) -> None:
    for index, node in enumerate(layer):
        node.position = index - len(layer) / 2


def _order_by_barycentre(layers: Sequence[list[_Node]], upwards: bool) -> None:
    """Sort each layer by its nodes' barycentres in the layer before it, which reduces edge crossings."""
    for layer in layers:
        barycentres = {}
        for node in layer:
            neighbours = node.below if upwards else node.above
            total = sum(neighbour.position for neighbour in neighbours)
            barycentres[node] = total / len(neighbours) if neighbours else node.position
        layer.sort(key=barycentres.__getitem__)
        _number_positions(layer)


def _assign_coordinates(layer: Sequence[_Node], desired: Sequence[float], gap: float) -> None:
    """Place a layer's nodes as close to their desired positions as their order and widths allow.

    This is a least-squares fit under ordering constraints: isotonic regression by pooling adjacent violators.
    """
    offset = 0.0
    pools: list[tuple[float, int]] = []  # The sum of the desired positions, and the number of nodes.
    offsets = []
    for node, position in zip(layer, desired, strict=True):
        offset += node.width / 2
        offsets.append(offset)
        pool = (position - offset, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1])
        pools.append(pool)
        offset += node.width / 2 + gap
    positions = [total / count for total, count in pools for _ in range(count)]
    for node, position, node_offset in zip(layer, positions, offsets, strict=True):
        node.x = position + node_offset


def _layer_bounds(
    sizes: Mapping[str, Size], layer_of: Mapping[str, int], gap: float
) -> list[tuple[float, float]]:
    heights = [0.0] * (max(layer_of.values(), default=-1) + 1)
    for name, layer in layer_of.items():
        heights[layer] = max(heights[layer], sizes[name][1])
    bounds: list[tuple[float, float]] = []
    for height in heights:
        top = bounds[-1][1] + gap if bounds else 0.0
        bounds.append((top, top + height))
    return bounds
