"""One order for all halves: the acyclic graph of half-blocks and expressions, sorted and cut into runs.

    forward wire A -> B            A.step -> B.step
    cascade wire A.out -> B.sp     A.step -> B.step, and the answer travels up: B.back -> A.back
    every block with a back        X.back -> X.step
    every measured input of X      source.step -> X.back

The order is made by taking whatever is ready, staying with one half of one kind as long as it can: neighbours become
one run, one call in the scan. What is left over stands on a cycle.
"""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

Node = int


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` must come before `target`; `via` names the wire for people."""

    source: Node
    target: Node
    via: Hashable = None


def sort_nodes(groups: Sequence[Hashable], edges: Sequence[Edge]) -> tuple[list[Node], list[Edge]]:
    """Order the nodes 0..n-1 so that every edge points forward, neighbours of one group together where possible.

    Deterministic: ties go to the smaller node. Returns (order, shortest cycle): one of the two is empty, except that
    both are for no nodes at all.
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
        left = {node for node in range(len(groups)) if waits[node] > 0}
        return [], shortest_cycle(left, edges)
    return order, []


def _next_group(ready: dict[Hashable, deque[Node]], pending: dict[Hashable, int]) -> Hashable:
    """A group that is ready whole, else the one that became ready first: fewer runs, and always the same ones."""
    for group, queue in ready.items():
        if len(queue) == pending[group]:
            return group
    return next(iter(ready))


def shortest_cycle(nodes: set[Node], edges: Sequence[Edge]) -> list[Edge]:
    """A shortest cycle among `nodes`, as its edges in order; empty if there is none."""
    outgoing: dict[Node, list[Edge]] = {}
    for edge in edges:
        if edge.source in nodes and edge.target in nodes:
            outgoing.setdefault(edge.source, []).append(edge)
    best: list[Edge] = []
    for start in sorted(nodes):
        came: dict[Node, Edge] = {}
        queue = deque([start])
        found: Edge | None = None
        while queue and found is None:
            node = queue.popleft()
            for edge in outgoing.get(node, []):
                if edge.target == start:
                    found = edge
                    break
                if edge.target not in came:
                    came[edge.target] = edge
                    queue.append(edge.target)
        if found is None:
            continue
        path = [found]
        while path[0].source != start:
            path.insert(0, came[path[0].source])
        if not best or len(path) < len(best):
            best = path
        if len(best) <= 2:
            break
    return best


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
