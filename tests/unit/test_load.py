"""The loader: the same half interpreted and compiled, over the same memory, from a cache that notices what changed."""

import ctypes
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.core.quality import BAD, NOT_YET
from plantctl.plan import load
from plantctl.plan.kind import find_kind
from plantctl.plan.record import fresh_rows
from plantctl.plan.runner_text import RING_COLUMNS, input_slots, output_slots

SCAN_S = ctypes.c_double(0.1)


class Bench:
    """A few rows of one kind over an image of their own: point 2 i is the input of row i, point 2 i + 1 its output."""

    def __init__(self, kind_name, rows, compiled, cache):
        kind = find_kind(kind_name)
        self.kind = kind
        n_in, n_out = len(input_slots(kind.block)), len(output_slots(kind.block))
        points = rows * (n_in + n_out)
        grid = np.arange(points, dtype=np.int64).reshape(rows, n_in + n_out)
        self.memory = load.Memory(
            v=np.full(points, np.nan),
            q=np.full(points, NOT_YET, np.uint16),
            used=np.full(points, np.nan),
            status=np.zeros(points, np.int64),
            rows=fresh_rows(kind.block, rows),
            ins=np.ascontiguousarray(grid[:, :n_in]),
            outs=np.ascontiguousarray(grid[:, n_in:]),
            ring=np.zeros((1 + rows * 4, RING_COLUMNS), np.int64),
        )
        half = load.load_half(kind, "step", compiled=compiled, folder=cache)
        self.run = load.BoundRun(half, self.memory, 0, 0, rows, 1)

    def step(self, dt=0.1):
        assert self.run.call(ctypes.c_double(dt)) == 1


@pytest.mark.parametrize("compiled", [False, True])
def test_a_lag_starts_at_its_input_and_then_follows(compiled, compile_cache):
    bench = Bench("lag", 2, compiled, compile_cache)
    bench.memory.v[bench.memory.ins[:, 0]] = (3.0, -1.0)
    bench.memory.q[bench.memory.ins[:, 0]] = 0
    bench.step()
    assert bench.memory.v[bench.memory.outs[:, 0]].tolist() == [3.0, -1.0]
    bench.memory.v[bench.memory.ins[0, 0]] = 4.0
    bench.step()
    assert bench.memory.v[bench.memory.outs[0, 0]] == 3.0 + 1.0 * -math.expm1(-0.1)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dt", [0.0, -1.0, math.nan])
def test_no_half_ever_sees_a_dt_of_zero_below_or_nan(compiled, dt, compile_cache):
    bench = Bench("lag", 1, compiled, compile_cache)
    bench.memory.v[:] = 1.0
    bench.memory.q[:] = 0
    before = bench.memory.rows.tobytes()
    bench.step(dt)
    assert bench.memory.rows.tobytes() == before


@pytest.mark.parametrize("compiled", [False, True])
def test_a_watched_field_that_changed_is_an_entry_with_old_and_new(compiled, compile_cache):
    bench = Bench("lag", 3, compiled, compile_cache)
    bench.memory.v[:] = 1.0
    bench.memory.q[:] = 0
    bench.memory.q[bench.memory.ins[1, 0]] = BAD
    bench.step()
    held = next(i for i, f in enumerate(bench.kind.fields) if f.name == "held")
    assert bench.memory.ring[0, 0] == 1
    assert bench.memory.ring[1].tolist() == [0, 1, held, 0, 1]


class HostileSteps:
    """Inputs nobody would wish for, in both modes, compared bit for bit."""

    value = st.one_of(
        st.floats(width=64, allow_nan=True, allow_infinity=True, allow_subnormal=True),
        st.sampled_from([1e300, -1e-320]),
    )


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(HostileSteps.value, st.integers(0, 65535), st.floats(1e-3, 100.0)), min_size=1, max_size=20
    )
)
def test_compiled_and_interpreted_agree_bit_for_bit_under_hostile_inputs(steps, compile_cache):
    benches = [Bench("lag", 1, compiled, compile_cache) for compiled in (False, True)]
    for value, quality, dt in steps:
        for bench in benches:
            bench.memory.v[bench.memory.ins[0, 0]] = value
            bench.memory.q[bench.memory.ins[0, 0]] = quality
            bench.step(dt)
        for name in ("v", "q", "used", "status", "rows", "ring"):
            assert getattr(benches[0].memory, name).tobytes() == getattr(benches[1].memory, name).tobytes(), name


LOAD_ONCE = """
import sys
from pathlib import Path
from plantctl.plan import load
from plantctl.plan.kind import find_kind
half = load.load_half(find_kind("lag"), "step", compiled=True, folder=Path(sys.argv[1]))
print("compiled" if half.fresh else "cached")
"""


def load_in_a_new_process(folder):
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ONCE, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_a_second_process_finds_the_code_and_a_damaged_file_is_compiled_again(tmp_path):
    assert load_in_a_new_process(tmp_path) == "compiled"
    assert load_in_a_new_process(tmp_path) == "cached"
    code = next(tmp_path.glob("*/__pycache__/*.nbc"))
    content = bytearray(code.read_bytes())
    content[len(content) // 2] ^= 1
    code.write_bytes(bytes(content))
    assert load_in_a_new_process(tmp_path) == "compiled"
    code = next(tmp_path.glob("*/__pycache__/*.nbc"))
    code.write_bytes(code.read_bytes()[:100])
    assert load_in_a_new_process(tmp_path) == "compiled"


def test_the_digest_covers_the_functions_and_the_constants_a_half_uses():
    step = find_kind("lag").function("step")
    reached = {f.__name__ for f in load.reach(step)}
    assert {"step", "bad", "rise"} <= reached
    assert load.digest([step]) != load.digest([step], "another text")
