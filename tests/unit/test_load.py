"""The loader: the same half interpreted and compiled, over the same memory, from a cache that notices what changed."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.core.quality import BAD
from plantctl.plan import load
from plantctl.plan.kind import find_kind
from tests.row_bench import Bench


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
