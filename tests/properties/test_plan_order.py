"""Random plants of wires: whatever the wiring, the order holds, the runs are whole, and nothing depends on chance."""

import os
import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.plan.build import build
from plantctl.plan.order import Edge, sort_nodes, stretches
from plantctl.plan.runner_text import input_slots, output_slots
from plantctl.plan.source import from_texts


@st.composite
def graphs(draw):
    """Groups of nodes, and edges that lead from an earlier to a later place of a hidden order."""
    count = draw(st.integers(1, 30))
    hidden = draw(st.permutations(range(count)))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=60))
    edges = [Edge(hidden[min(a, b)], hidden[max(a, b)]) for a, b in pairs if a != b]
    return [draw(st.sampled_from("abc")) for _ in range(count)], edges


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_every_edge_points_forward_and_every_node_stands_once(graph):
    groups, edges = graph
    order, cycles = sort_nodes(groups, edges)
    assert cycles == []
    assert sorted(order) == list(range(len(groups)))
    place = {node: k for k, node in enumerate(order)}
    assert all(place[edge.source] < place[edge.target] for edge in edges)


@given(graphs(), st.data())
@settings(max_examples=100, deadline=None)
def test_an_edge_back_makes_a_cycle_that_is_told_and_shortest(graph, data):
    groups, edges = graph
    if not edges:
        return
    edge = data.draw(st.sampled_from(edges))
    edges = [*edges, Edge(edge.target, edge.source)]
    order, cycles = sort_nodes(groups, edges)
    assert order == []
    assert [len(cycle) for cycle in cycles] == [2]
    for cycle in cycles:
        following = [*cycle[1:], cycle[0]]
        assert all(one.target == other.source for one, other in zip(cycle, following, strict=True))


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_stretches_hold_every_node_once_and_in_order(graph):
    groups, edges = graph
    order, _ = sort_nodes(groups, edges)
    counts: dict[str, int] = {}
    rows = [0] * len(groups)
    for node in order:
        rows[node] = counts[groups[node]] = counts.get(groups[node], -1) + 1
    walked = [(s.group, s.first + k * s.stride) for s in stretches(order, groups, rows) for k in range(s.count)]
    assert walked == [(groups[node], rows[node]) for node in order]


def plant_text(seed):
    """A plant of lags, votes, calculated tags and cascades, wired at random without a cycle, in a shuffled text."""
    chance = random.Random(seed)
    lines: dict[str, list[str]] = {"blocks": [], "calculated": [], "loops": []}
    known = ["PI-0", "PI-1"]
    for k in range(chance.randrange(1, 40)):
        name, source, other = f"XY-{k}", chance.choice(known), chance.choice(known)
        task = chance.choice(["", ", task: control"])
        shape = chance.randrange(3)
        if shape == 0:
            lines["blocks"].append(f"  {name}: {{kind: lag, in: {source}, tau: 2 s{task}}}")
        elif shape == 1:
            lines["calculated"].append(f"  {name}: {{expression: '({{{source}}} + {{{other}}}) / 2'{task}}}")
        else:
            lines["blocks"].append(
                f"  {name}: {{kind: scale, in: {{tag: {source}, delay: 1 scan}}, filter: 1 s{task}}}"
            )
        known.append(name)
    depth = chance.randrange(1, 6)
    for k in range(depth):
        below = f"PIC-{k + 1}" if k + 1 < depth else "PC-1"
        limits = "limits: {out: [0 bar, 10 bar]}, " if k + 1 < depth else ""
        pv = chance.choice(known)
        lines["loops"].append(f"  PIC-{k}: {{pv: {pv}, out: {below}, {limits}tuning: {{gain: 1, integral: 5 s}}}}")
    for entries in lines.values():
        chance.shuffle(entries)
    head = ["plant: {name: any}", "tags:", "  PI-0: {unit: bar}", "  PI-1: {unit: bar}"]
    head.append("  PC-1: {unit: bar, range: [0, 10], access: write}")
    return "\n".join([*head, *(line for title, body in lines.items() if body for line in (f"{title}:", *body))]) + "\n"


def built(text, ids=None):
    found = build("plant.yaml", from_texts({"plant.yaml": text}), ids)
    assert found.plan is not None, found.findings
    return found.plan


@pytest.mark.parametrize("seed", range(25))
def test_the_runs_of_a_plan_step_every_half_once_and_after_what_it_reads(seed):
    plan = built(plant_text(seed))
    stepped = []
    written: set[int] = {0, *(row.row for row in plan.inputs), *plan.statistics.values(), *(c for c, _ in plan.delays)}
    for run in plan.runs:
        for row in range(run.first, run.first + run.count * run.stride, run.stride):
            stepped.append((run.kind, run.half, row))
            if run.kind < 0:
                assert set(plan.expressions[row].reads) <= written
                written.add(plan.expressions[row].row)
                continue
            rows = plan.kinds[run.kind]
            if run.half == "step":
                assert set(rows.ins[row, : len(input_slots(rows.kind.block))].tolist()) <= written
                written |= set(rows.outs[row, : len(output_slots(rows.kind.block))].tolist())
            else:
                assert {point for role, point in wired(rows, row) if role != "cas_in"} <= written
    every = [(-1, "step", k) for k in range(len(plan.expressions))]
    every += [(n, h, k) for n, rows in enumerate(plan.kinds) for h in rows.kind.halves for k in range(len(rows.tags))]
    assert sorted(stepped) == sorted(every)
    for rows in plan.kinds:
        for half in rows.kind.halves:
            firsts = [row for kind, h, row in stepped if kind == plan.kinds.index(rows) and h == half]
            assert half == "back" or firsts == sorted(firsts)


def wired(rows, row):
    """(role of the port, point it reads) of every input of one block."""
    slots = input_slots(rows.kind.block)
    return [(rows.kind.field(port).role, int(rows.ins[row, k])) for k, (port, _) in enumerate(slots)]


@pytest.mark.parametrize("seed", range(25))
def test_answers_go_up_a_cascade_before_requests_come_down(seed):
    plan = built(plant_text(seed))
    stepped = [
        (run.kind, run.half, row)
        for run in plan.runs
        for row in range(run.first, run.first + run.count * run.stride, run.stride)
    ]
    place = {half: n for n, half in enumerate(stepped)}
    block = {tag: (n, row) for n, rows in enumerate(plan.kinds) for row, tag in enumerate(rows.tags)}
    answers = 0
    for n, rows in enumerate(plan.kinds):
        for row in range(len(rows.tags)) if "back" in rows.kind.halves else ():
            assert place[n, "back", row] < place[n, "step", row]
            for role, point in wired(rows, row):
                if role == "cas_in" and point:
                    above, above_row = block[plan.points[point].owner]
                    assert place[n, "back", row] < place[above, "back", above_row]
                    answers += 1
    assert answers == plant_text(seed).count("PIC-") - plant_text(seed).count("out: PIC-")


@pytest.mark.parametrize("seed", range(8))
def test_ids_stay_when_a_tag_is_added(seed):
    text = plant_text(seed)
    first = {point.name: point.id for point in built(text).points}
    more = text.replace("tags:\n", "tags:\n  AI-0: {unit: pH}\n")
    second = {point.name: point.id for point in built(more, first).points}
    assert {name: second[name] for name in first} == first
    assert second["AI-0"] == max(first.values()) + 1


PROGRAM = """
import sys
from plantctl.plan.build import build
from plantctl.plan.explain import explain_plan
from plantctl.plan.source import from_texts
plan = build("plant.yaml", from_texts({"plant.yaml": sys.stdin.read()})).plan
print(explain_plan(plan))
print([(p.name, p.id, p.row) for p in plan.points], [rows.kind.name for rows in plan.kinds], plan.hash)
"""


def test_a_plan_does_not_depend_on_the_seed_of_hashing():
    text = plant_text(3)
    shown = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(
            command, input=text, env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        shown.add(done.stdout)
    assert len(shown) == 1
