"""One order for all halves: the acyclic graph of half-blocks and expressions, sorted and cut into runs.

    forward wire A -> B            A.step -> B.step
    cascade wire A.out -> B.sp     A.step -> B.step, and the answer travels up: B.back -> A.back
    every block with a back        X.back -> X.step
    every measured input of X      source.step -> X.back

The order is made by taking whatever is ready, staying with one half of one kind as long as it can: neighbours become
one run, one call in the scan. What is left over stands on a cycle.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

Node = int


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` must come before `target`; `via` names the wire for people."""

    source: Node
    target: Node
    via: Hashable = None


def sort_nodes(groups: Sequence[Hashable], edges: Sequence[Edge]) -> tuple[list[Node], list[list[Edge]]]:
    """Order the nodes 0..n-1 so that every edge points forward, neighbours of one group together where possible.

    Deterministic: ties go to the smaller node. Returns (order, cycles): with cycles there is no order; then a shortest
    cycle of each knot (nodes that all reach each other) is given, in the order of their smallest nodes.
    """
    successors: list[list[Node]] = [[] for _ in groups]
    waits = [0] * len(groups)
    for edge in edges:
        successors[edge.source].append(edge.target)
        waits[edge.target] += 1
    ready: dict[Hashable, deque[Node]] = {}
    pending: dict[Hashable, int] = {}
    for node, group in enumerate(groups):
        pending[group] = pending.get(group, 0) + 1
        if waits[node] == 0:
            ready.setdefault(group, deque()).append(node)
    order: list[Node] = []
    while ready:
        group = _next_group(ready, pending)
        queue = ready[group]
        while queue:
            node = queue.popleft()
            order.append(node)
            pending[group] -= 1
            for after in successors[node]:
                waits[after] -= 1
                if waits[after] == 0:
                    ready.setdefault(groups[after], deque()).append(after)
        del ready[group]
    if len(order) < len(groups):
        left = [node for node in range(len(groups)) if waits[node] > 0]
        return [], [shortest_cycle(knot, edges) for knot in knots(left, edges)]
    return order, []


def _next_group(ready: dict[Hashable, deque[Node]], pending: dict[Hashable, int]) -> Hashable:
    """A group that is ready whole, else the one that became ready first: fewer runs, and always the same ones."""
    for group, queue in ready.items():
        if len(queue) == pending[group]:
            return group
    return next(iter(ready))


def _successors(nodes: Iterable[Node], edges: Sequence[Edge]) -> dict[Node, list[Edge]]:
    outgoing: dict[Node, list[Edge]] = {node: [] for node in nodes}
    for edge in edges:
        if edge.source in outgoing and edge.target in outgoing:
            outgoing[edge.source].append(edge)
    return outgoing


def knots(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[set[Node]]:
    """The sets of nodes that reach each other and so hold a cycle, in the order of their smallest nodes.

    Tarjan, Depth-first search and linear graph algorithms (1972), without recursion.
    """
    outgoing = _successors(nodes, edges)
    number: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    open_nodes: list[Node] = []
    is_open: set[Node] = set()
    found: list[set[Node]] = []
    for start in outgoing:
        if start in number:
            continue
        work = [(start, iter(outgoing[start]))]
        while work:
            node, following = work[-1]
            if node not in number:
                number[node] = lowest[node] = len(number)
                open_nodes.append(node)
                is_open.add(node)
            edge = next(following, None)
            if edge is not None:
                if edge.target not in number:
                    work.append((edge.target, iter(outgoing[edge.target])))
                elif edge.target in is_open:
                    lowest[node] = min(lowest[node], number[edge.target])
                continue
            work.pop()
            if work:
                above = work[-1][0]
                lowest[above] = min(lowest[above], lowest[node])
            if lowest[node] == number[node]:
                at = open_nodes.index(node)
                knot = set(open_nodes[at:])
                del open_nodes[at:]
                is_open -= knot
                if len(knot) > 1 or any(e.target == node for e in outgoing[node]):
                    found.append(knot)
    return sorted(found, key=min)


def shortest_cycle(knot: set[Node], edges: Sequence[Edge]) -> list[Edge]:
    """A shortest cycle of a knot, as its edges in order; of several the one that holds the smallest node."""
    outgoing = _successors(sorted(knot), edges)
    best: list[Edge] = []
    for start in sorted(knot):
        path = _way_back(start, outgoing, len(best))
        if path:
            best = path
    return best


def _way_back(start: Node, outgoing: dict[Node, list[Edge]], below: int) -> list[Edge]:
    """A shortest way from a node back to it with fewer than `below` edges (0: any number); empty if there is none."""
    came: dict[Node, Edge] = {}
    ring = [start]
    length = 0
    while ring and (not below or length + 1 < below):
        length += 1
        following = []
        for edge in (edge for node in ring for edge in outgoing[node]):
            if edge.target == start:
                path = [edge]
                while path[0].source != start:
                    path.insert(0, came[path[0].source])
                return path
            if edge.target not in came:
                came[edge.target] = edge
                following.append(edge.target)
        ring = following
    return []


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows of one group: `count` rows from `first` in steps of `stride` (+1 or -1)."""

    group: Hashable
    first: int
    count: int
    stride: int


def stretches(order: Sequence[Node], groups: Sequence[Hashable], rows: Sequence[int]) -> list[Stretch]:
    """Cut an order into stretches: same group, and rows that rise or fall by one."""
    found: list[Stretch] = []
    for node in order:
        group, row = groups[node], rows[node]
        if found and found[-1].group == group:
            last = found[-1]
            step = row - (last.first + (last.count - 1) * last.stride)
            if (last.count == 1 and step in (1, -1)) or (last.count > 1 and step == last.stride):
                found[-1] = Stretch(group, last.first, last.count + 1, step)
                continue
        found.append(Stretch(group, row, 1, 1))
    return found
