"""The compile step: numbers the points, orders the halves, cuts them into runs and fills the records.

The network and its graph must be without findings; nothing is found here any more.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from plantctl.core.field import DevicePlan
from plantctl.core.keeping import Keeping
from plantctl.core.metrics_serving import MetricsServing
from plantctl.core.opcua_serving import OpcuaServing
from plantctl.core.units import parse_duration_ns
from plantctl.plan.graph import Graph, Half
from plantctl.plan.kind import Kind
from plantctl.plan.link_lab import lab_tags
from plantctl.plan.link_sinks import sink_plans
from plantctl.plan.network import BlockNode, ExpressionNode, Network
from plantctl.plan.order import stretches
from plantctl.plan.plan import (
    KEEPING,
    RETAIN_FOR_NS,
    Address,
    CauseInfo,
    Condition,
    EffectInfo,
    ExpressionRow,
    KindRows,
    Plan,
    Point,
    Run,
    Task,
    Writer,
)
from plantctl.plan.record import fresh_rows
from plantctl.plan.rows import input_rows, number_points, output_rows
from plantctl.plan.runner_text import input_slots, output_slots
from plantctl.plan.shapes import size_bytes
from plantctl.plan.source_opcua import Metrics, OpcuaServer
from plantctl.plan.source_plant import PlantHead
from plantctl.plan.tasks import overrun_catch_up, overrun_trip_after
from plantctl.plan.units_of_block import field_unit


def plan_hash(sources: Mapping[str, str]) -> int:
    """64 bits over every source's name and text, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(name.encode() + b"\0" + sources[name].encode() + b"\0")
    return int.from_bytes(total.digest()[:8], "little")


def compile_network(
    net: Network,
    graph: Graph,
    tasks: tuple[Task, ...],
    devices: tuple[DevicePlan, ...],
    sources: Mapping[str, str],
    ids: Mapping[str, int],
) -> Plan:
    """The plan of a network and a graph without findings. `ids` are the stable ids known so far."""
    halves, kinds, order = graph.halves, graph.kinds, graph.order
    head = net.source.plant
    rows, members = _number_rows(halves, order, kinds)
    points, row_of, delays = number_points(net, ids)
    groups = [h.group for h in halves]
    numbers = [rows[id(h.owner)] for h in halves]
    runs = tuple(
        Run(s.group[0], s.group[1], s.first, s.count, s.stride, s.group[2])  # type: ignore[index]
        for s in stretches(order, groups, numbers)
    )
    expressions = tuple(
        ExpressionRow(
            e.point, e.program, tuple(_wired_row(net, row_of, n, e.delayed) for n in e.program.inputs), row_of[e.point]
        )
        for e in (h.owner for h in (halves[n] for n in order))
        if isinstance(e, ExpressionNode)
    )
    located = {node.tag: (kinds.index(node.kind), rows[id(node)]) for node in net.blocks.values()}
    return Plan(
        name=head.name if head else "plant",
        hash=plan_hash(sources),
        sources=dict(sources),
        period_ns=tasks[0].period_ns,
        tasks=tasks,
        overrun_trip_after=overrun_trip_after(net),
        overrun_catch_up=overrun_catch_up(net),
        retain_for_ns=parse_duration_ns(head.retain_for) if head else RETAIN_FOR_NS,
        keeping=_keeping(head, net, points) if head else KEEPING,
        opcua_server=_opcua_server(head.opcua_server) if head and head.opcua_server else None,
        metrics=_metrics(head.metrics) if head and head.metrics else None,
        points=points,
        inputs=input_rows(net, row_of, devices),
        outputs=output_rows(net, row_of, located),
        devices=devices,
        sinks=sink_plans(net, points),
        kinds=tuple(_kind_rows(net, kind, members[i], row_of) for i, kind in enumerate(kinds)),
        expressions=expressions,
        runs=runs,
        delays=delays,
        addresses=_addresses(net, located),
        permissives=_permissives(net, row_of),
        effects=_effects(net, row_of, located),
        causes=_causes(net),
        statistics={p.name: p.row for p in points if p.writer is Writer.EXECUTIVE},
        rows=row_of,
        default_columns=_default_columns(net),
        shown=net.shown,
        lab=lab_tags(net),
    )


def _keeping(head: PlantHead, net: Network, points: Sequence[Point]) -> Keeping:
    history_ns = parse_duration_ns(head.history_for) if head.history_for is not None else 0
    recording = {p.id: net.recording[p.name] for p in points if p.name in net.recording}
    return Keeping(size_bytes(head.log_size), size_bytes(head.history_size), history_ns, recording)


def _opcua_server(told: OpcuaServer) -> OpcuaServing:
    same = {field.name: getattr(told, field.name) for field in fields(OpcuaServing) if field.name != "anonymous"}
    return OpcuaServing(anonymous=told.anonymous == "viewer", **same)


def _metrics(told: Metrics) -> MetricsServing:
    return MetricsServing(told.anonymous == "loopback", told.points)


def _number_rows(
    halves: Sequence[Half], order: Sequence[int], kinds: list[Kind]
) -> tuple[dict[int, int], list[list[BlockNode]]]:
    rows: dict[int, int] = {}
    members: list[list[BlockNode]] = [[] for _ in kinds]
    expressions = 0
    for n in order:
        owner, half = halves[n].owner, halves[n].half
        if isinstance(owner, ExpressionNode):
            rows[id(owner)] = expressions
            expressions += 1
        elif half == "step":
            kind = halves[n].group[0]
            rows[id(owner)] = len(members[kind])
            members[kind].append(owner)
    return rows, members


def _wired_row(net: Network, row_of: Mapping[str, int], point: str, delayed: bool) -> int:
    name = net.aliases.get(point, point)
    return row_of[f"{name}.delayed"] if delayed else row_of[name]


def _kind_rows(net: Network, kind: Kind, nodes: list[BlockNode], row_of: Mapping[str, int]) -> KindRows:
    rows = fresh_rows(kind.block, len(nodes))
    slots_in, slots_out = input_slots(kind.block), output_slots(kind.block)
    ins = np.zeros((len(nodes), max(1, len(slots_in))), np.int64)
    outs = np.zeros((len(nodes), max(1, len(slots_out))), np.int64)
    for i, node in enumerate(nodes):
        for column, slot in enumerate(slots_in):
            wire = node.wires.get(slot)
            if wire is not None:
                ins[i, column] = _wired_row(net, row_of, wire.point, wire.delayed)
        for column, name in enumerate(slots_out):
            outs[i, column] = row_of[node.names[name]]
        for name, value in node.params.items():
            field = kind.field(name)
            assert field is not None
            rows[name][i] = value if field.type is float else int(value)
        for name, numbers in node.values.items():
            rows[name][i] = numbers
    return KindRows(kind, tuple(n.tag for n in nodes), rows, ins, outs)


# -- what the gate and the tools ask ---------------------------------------------------------------------------------


def _addresses(net: Network, located: Mapping[str, tuple[int, int]]) -> dict[str, Address]:
    found = {}
    for node in net.blocks.values():
        kind, row = located[node.tag]
        for f in node.kind.fields:
            if f.role in ("param", "tracked", "state", "shown", "watched"):
                unit = field_unit(net, node, f) if f.role in ("param", "tracked") else None
                d = f.declared
                bounds = (
                    float("-inf") if d.minimum is None else d.minimum,
                    float("inf") if d.maximum is None else d.maximum,
                    float("-inf") if d.above is None else d.above,
                )
                name = f"{node.tag}.{f.name}"
                found[name] = Address(name, kind, row, f.name, str(unit) if unit else "", *bounds, d.tuning)
    return found


def _permissives(net: Network, row_of: Mapping[str, int]) -> dict[str, tuple[Condition, ...]]:
    return {
        output: tuple(
            Condition(name, row_of[f"{output}.permit{k + 1}"], text) for k, (name, text) in enumerate(lines.items())
        )
        for output, lines in net.source.permissives.items()
    }


def _effects(net: Network, row_of: Mapping[str, int], located: Mapping[str, tuple[int, int]]) -> dict[str, EffectInfo]:
    found = {}
    for tag, effect in net.source.effects.items():
        node = net.blocks[tag]
        demands = tuple((w.point, row_of[w.point]) for (port, _), w in sorted(node.wires.items()) if port == "x")
        group = effect.group or "all"
        kind, row = located[tag]
        found[tag] = EffectInfo(tag, group, kind, row, row_of[tag], demands, tuple(effect.force), tuple(effect.scale))
    return found


def _causes(net: Network) -> dict[str, CauseInfo]:
    return {
        tag: CauseInfo(tag, c.text, " | ".join(c.when), c.clear or "", tuple(net.source.chart.get(tag, ())))
        for tag, c in net.source.causes.items()
    }


def _default_columns(net: Network) -> tuple[str, ...]:
    """Tags in the order of the text, then each block's output by its tag."""
    names = [name for name in net.source.tags if name in net.points]
    names += [name for name in (*net.source.calculated, *net.blocks) if name in net.points and name not in names]
    return tuple(names)
