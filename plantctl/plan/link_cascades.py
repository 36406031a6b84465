"""Links what cascades need beyond their wires: who hears the answer, and what a trip does to the set-points above it.

A request goes down a wire and its answer comes back the same way, so a request has one taker. A request that is no
block's cascade output (a calculated value) hears no answer: its arbiter must not wait for it after a trip. In a
cascade below a trip the set-point follows the PV by default, so that the release does not drive the plant back at full
rate to a set-point of long ago; the first loop's own set-point is the operator's and stays.
"""

from collections.abc import Iterator

from plantctl.plan.network import BlockNode, Network, Wire


def link_cascades(net: Network) -> None:
    """Settle every cascade; after every section was linked."""
    takers: dict[str, tuple[BlockNode, Wire]] = {}
    for node in net.blocks.values():
        for port, wire in _requests(node):
            above = asking(net, wire)
            if above is None:
                if node.kind.field(f"{port}_tracks") is not None:
                    node.params[f"{port}_tracks"] = 0.0
                continue
            asked = net.aliases.get(wire.point, wire.point)
            if asked in takers:
                other, place = takers[asked]
                net.find_with(
                    "PC322",
                    f"`{above.tag}` asks both `{other.tag}` and `{node.tag}`, and would hear two answers",
                    wire.path,
                    [(net.place(place.path), f"`{other.tag}` takes it here")],
                    "one request has one taker; use a split range where two must share it",
                )
            takers[asked] = (node, wire)
    for node in net.blocks.values():
        if node.params.get("n_force"):
            _follow_pv_above(net, node)


def _requests(node: BlockNode) -> Iterator[tuple[str, Wire]]:
    for field in node.kind.fields:
        wire = node.wires.get((field.name, 0)) if field.role == "cas_in" else None
        if wire is not None:
            yield field.name, wire


def asking(net: Network, wire: Wire) -> BlockNode | None:
    """The block whose cascade output `wire` reads; None where nothing there hears an answer."""
    point = net.resolve(wire.point)
    block = net.blocks.get(point.owner) if point is not None else None
    if point is None or block is None or wire.delayed or "back" not in block.kind.halves:
        return None
    outputs = [block.names[f.name] for f in block.kind.fields if f.role == "cas_out"]
    return block if point.name in outputs else None


def _follow_pv_above(net: Network, arbiter: BlockNode) -> None:
    """Let the set-points of the chain above an arbiter that is forced follow their PV, where nothing else is said."""
    seen = {arbiter.tag}
    wires = [wire for _, wire in _requests(arbiter)]
    while wires:
        node = asking(net, wires.pop())
        if node is None or node.tag in seen:
            continue
        seen.add(node.tag)
        above = [wire for _, wire in _requests(node)]
        if above and node.kind.field("sp_tracks_pv") is not None and "sp_tracks_pv" not in node.settings:
            node.params["sp_tracks_pv"] = 1.0
        wires += above
