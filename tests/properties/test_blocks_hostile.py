"""Every block kind under inputs nobody would wish for: 5,000 steps a kind, interpreted and compiled side by side.

NaN, infinities, denormals, numbers whose difference overflows, every quality word, answers from below that make no
sense, commands at the edge of what the gate lets through, and time steps of zero, below and NaN. After each scan the
two ways to run must agree in every bit of image, state and events; nothing that is not finite may stand as usable; and
after the storm the block must come back. `make campaign NAME=hostile-blocks` rides 100,000 steps a kind on a
seed of its own (benchmarks/campaigns/hostile_blocks.py).
"""

import math

import numpy as np
import pytest

from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.plan.kind import kind_names
from tests.block_bench import COLUMNS, BlockBench

ROWS = 100
SCANS = 50
KINDS = kind_names()
STORM = np.array(
    [
        math.nan,
        math.inf,
        -math.inf,
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        1e-300,
        1e29,
        -1e29,
        1e30,
        -1e30,
        1e300,
        -1.7e308,
        1.7e308,
    ]
)
STEPS_S = (0.1, 1.0, 0.001, 100.0, 0.1, 0.1, 0.0, -0.1, math.nan)


def hostile_values(rng, count):
    """Mostly numbers of a plant, often small ones, and a third that no plant has."""
    plain = rng.choice([0.0, 1.0, 0.5, -1.0, 2.0, 7.9, 8.0, 8.1, 100.0], count) + rng.choice([0.0, 1e-3], count)
    plain = np.where(rng.random(count) < 0.5, plain, rng.normal(0.0, 50.0, count))
    return np.where(rng.random(count) < 0.3, rng.choice(STORM, count), plain)


def hostile_qualities(rng, count):
    """Good, uncertain, bad, and any word at all."""
    return np.where(rng.random(count) < 0.8, rng.choice([0, 0, 0, 1, BAD], count), rng.integers(0, 65536, count))


def draw_parameter(rng, field, count):
    """Legal values of one parameter: the default, the edges of its range, and what lies between."""
    declared = field.declared
    if field.type is bool:
        return rng.integers(0, 2, count)
    low = declared.minimum if declared.minimum is not None else declared.above if declared.above is not None else -100.0
    high = declared.maximum if declared.maximum is not None else max(low, 0.0) + 100.0
    if field.type is int:
        return rng.integers(int(low), int(high) + 1, count)
    edge = np.nextafter(low, math.inf) if declared.above is not None else low
    drawn = np.maximum(low + (high - low) * rng.random(count) ** 3, edge)
    default = drawn if declared.default is None else float(declared.default)
    return np.choose(rng.integers(0, 5, count), [drawn, drawn, default, np.full(count, edge), np.full(count, high)])


def configure(rng, bench):
    """Parameters within their ranges; a few rows keep all defaults that there are."""
    rows = bench.memory.rows
    for field in bench.kind.fields:
        if field.role == "param":
            drawn = draw_parameter(rng, field, len(rows))
            keep = np.arange(len(rows)) < 10 if field.declared.default is not None and field.type is not bool else False
            rows[field.name] = np.where(keep, field.first_value, drawn)
        elif field.role == "values":
            rows[field.name] = rng.choice([0.0, 1.0, -50.0, 50.0], (len(rows), field.count))


def storm(rng, bench):
    """One scan's inputs, answers from below, and now and then a command."""
    memory = bench.memory
    for column in (bench.column(*slot) for slot in bench.inputs):
        memory.v[column] = hostile_values(rng, len(column))
        memory.q[column] = hostile_qualities(rng, len(column))
    for name in bench.outputs:
        field = bench.fields[name]
        if field.role == "cas_out" and rng.random() < 0.5:
            memory.used[bench.column(name)] = hostile_values(rng, ROWS)
            memory.status[bench.column(name)] = rng.integers(0, 8, ROWS)
        if field.role == "tracked" and rng.random() < 0.1:
            row = int(rng.integers(ROWS))
            words = len(field.declared.words) or 2
            finite = rng.choice([0.0, 1.0, 8.0, -1e29, 1e29, float(rng.normal(0.0, 50.0))])
            memory.rows[name][row] = finite if field.type is float else rng.integers(0, words)


def copy_inputs(source, target):
    """The same storm for the other way to run."""
    for name in ("v", "q", "used", "status", "rows"):
        getattr(target.memory, name)[...] = getattr(source.memory, name)


def calm(bench):
    """Inputs of a quiet plant: 1, good; below, everything is used as asked."""
    memory = bench.memory
    for column in (bench.column(*slot) for slot in bench.inputs):
        memory.v[column], memory.q[column] = 1.0, 0
    for name in bench.outputs:
        if bench.fields[name].role == "cas_out":
            column = bench.column(name)
            memory.used[column], memory.status[column] = np.nan_to_num(memory.v[column]), 0


def unusable(bench):
    """Rows and points where something that is not finite stands with a quality that lets it be used."""
    found = []
    for name in bench.outputs:
        column = bench.column(name)
        usable = (bench.memory.q[column] & SEVERITY_MASK) < BAD
        found += [(int(row), name) for row in np.flatnonzero(usable & ~np.isfinite(bench.memory.v[column]))]
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_storm_leaves_no_bit_of_difference_and_nothing_that_is_not_finite(name, compile_cache):
    ride(name, sum(name.encode()), SCANS, compile_cache)


def ride(name, seed, scans, compile_cache):
    """`scans` scans of `ROWS` rows of a kind; asserts after each. The number of steps ridden in either way to run."""
    rng = np.random.default_rng(seed)
    interpreted = BlockBench(name, ROWS)
    compiled = BlockBench(name, ROWS, compiled=True, cache=compile_cache)
    configure(rng, interpreted)
    for scan in range(scans):
        storm(rng, interpreted)
        copy_inputs(interpreted, compiled)
        dt = STEPS_S[rng.integers(len(STEPS_S))]
        before = interpreted.memory.rows.tobytes(), interpreted.memory.v.tobytes(), interpreted.memory.q.tobytes()
        interpreted.step(dt)
        compiled.step(dt)
        for column in COLUMNS:
            assert getattr(interpreted.memory, column).tobytes() == getattr(compiled.memory, column).tobytes(), (
                scan,
                column,
            )
        assert unusable(interpreted) == [], scan
        assert interpreted.memory.ring[0, 1] == 0, f"scan {scan}: an output was not finite, and its quality not bad"
        assert interpreted.memory.ring[0, 2] == 0, f"scan {scan}: the ring of events was too short"
        if not dt > 0.0:
            after = interpreted.memory.rows.tobytes(), interpreted.memory.v.tobytes(), interpreted.memory.q.tobytes()
            assert before == after, f"scan {scan}: dt {dt} changed something"
    return scans * ROWS


@pytest.mark.parametrize("name", KINDS)
def test_after_the_storm_the_block_comes_back(name, compile_cache):
    """After 60 quiet seconds nothing is bad that would not be bad on a fresh row, and every state is a number."""
    rng = np.random.default_rng(1 + sum(name.encode()))
    bench = BlockBench(name, ROWS, compiled=True, cache=compile_cache)
    configure(rng, bench)
    fresh = BlockBench(name, ROWS, compiled=True, cache=compile_cache)
    for field in bench.kind.fields:
        if field.role in ("param", "values"):
            fresh.memory.rows[field.name] = bench.memory.rows[field.name]
    for _ in range(50):
        storm(rng, bench)
        bench.step(STEPS_S[rng.integers(6)])
    for _ in range(600):
        for quiet in (bench, fresh):
            calm(quiet)
            quiet.step(0.1)
    for name_of_output in bench.outputs:
        severity = [b.memory.q[b.column(name_of_output)] & SEVERITY_MASK for b in (bench, fresh)]
        stuck = np.flatnonzero((severity[0] >= BAD) & (severity[1] < BAD))
        assert stuck.tolist() == [], name_of_output
    for field in bench.kind.fields:
        if field.role in ("state", "shown", "tracked") and field.type is float:
            assert np.isfinite(bench.memory.rows[field.name]).all(), field.name
