"""A scheduled gain: the table, what stands beyond it, and that a change of the share moves nothing."""

import math

import pytest

from plantctl.core.block import MAN
from plantctl.core.quality import BAD
from tests.loop_bench import H, loop, scan, settle

TABLE = ((2.0, 4.0), (4.0, 1.0), (8.0, 0.5))


def scheduled(table=TABLE, **parameters):
    """A loop in AUTO whose gain hangs on `by`, at 4 where the share is 1."""
    bench = loop(**parameters)
    bench.memory.rows["n_schedule"] = len(table)
    for k, (at, share) in enumerate(table):
        bench.memory.rows["schedule_at"][:, k] = at
        bench.memory.rows["schedule_share"][:, k] = share
    bench["by"] = 4.0
    return bench


@pytest.mark.parametrize(
    ("at", "share"), [(0.0, 4.0), (2.0, 4.0), (3.0, 2.5), (4.0, 1.0), (6.0, 0.75), (8.0, 0.5), (100.0, 0.5)]
)
def test_between_the_points_of_the_table_the_share_lies_on_a_line_and_beyond_it_stands(at, share):
    bench = scheduled()
    bench["pv"] = 0.0
    scan(bench)
    bench["by"] = at
    scan(bench)
    assert bench["share"] == pytest.approx(share)
    assert bench["p"] == pytest.approx(2.0 * share * bench["sp"])


@pytest.mark.parametrize("derivative", [0.0, 2.0])
@pytest.mark.parametrize("integral", [0.0, 10.0])
def test_a_new_share_moves_the_output_by_nothing(derivative, integral):
    """Two loops that move alike; one gets another share: in that scan it gives the same."""
    benches = [
        scheduled(derivative=derivative, integral=integral, sp=3.0, out_low=-1000.0, out_high=1000.0) for _ in (0, 1)
    ]
    for bench in benches:
        for k in range(8):
            settle(bench, 1, pv=0.1 * k)
    for bench in benches:
        settle(bench, 1, pv=0.7)
    benches[1]["by"] = 6.0
    for bench in benches:
        settle(bench, 1, pv=0.7)
    assert benches[1]["op"] == pytest.approx(benches[0]["op"], abs=1e-12)
    assert benches[1]["share"] == 0.75


def test_after_a_new_share_the_loop_acts_with_it():
    bench = scheduled(sp=0.0, out_low=-100.0, integral=0.0)
    settle(bench, 3, pv=0.0)
    before = bench["op"]
    bench["by"] = 8.0
    settle(bench, 1, pv=0.0)
    settle(bench, 1, pv=1.0)
    assert bench["op"] - before == pytest.approx(-2.0 * 0.5)


def test_the_integral_too_goes_with_the_share():
    bench = scheduled(sp=1.0, integral=10.0)
    settle(bench, 2, pv=0.0)
    bench["by"] = 8.0
    settle(bench, 1, pv=0.0)
    before = bench["i"]
    settle(bench, 1, pv=0.0)
    assert bench["i"] - before == pytest.approx(2.0 * 0.5 * H / 10.0)


@pytest.mark.parametrize("by", [(math.nan, 0), (6.0, BAD), (math.inf, 0)])
def test_while_it_cannot_be_known_the_last_share_stays(by):
    bench = scheduled()
    bench["pv"] = 0.0
    bench["by"] = 8.0
    scan(bench)
    bench["by"] = by
    scan(bench)
    assert bench["share"] == 0.5


@pytest.mark.parametrize("share", [0.0, -1.0, 1e-9, math.inf])
def test_a_share_that_is_no_gain_is_not_taken(share):
    bench = scheduled(((2.0, share), (4.0, 1.0)))
    bench["pv"] = 0.0
    scan(bench)
    bench["by"] = 1.0
    scan(bench)
    assert bench["share"] == 1.0


def test_two_points_at_one_value_are_passed_over():
    bench = scheduled(((2.0, 4.0), (2.0, 1.0), (4.0, 0.5)))
    bench["pv"] = 0.0
    bench["by"] = 2.0
    scan(bench)
    assert bench["share"] == 4.0


def test_a_loop_without_a_table_looks_at_nothing():
    bench = scheduled(())
    bench["pv"] = 0.0
    bench["by"] = 8.0
    scan(bench)
    assert bench["share"] == 1.0


def test_in_man_the_share_follows_and_the_output_stands():
    bench = scheduled(sp=3.0)
    settle(bench, 4, pv=1.0)
    bench.write("target", MAN)
    settle(bench, 1, pv=1.0)
    before = bench["op"]
    bench["by"] = 2.0
    settle(bench, 3, pv=1.0)
    assert bench["op"] == before
    assert bench["share"] == 4.0
